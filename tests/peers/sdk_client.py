# SPDX-License-Identifier: Apache-2.0
"""A client on the official Python SDK, for scenarios.

    sdk_client.py URL legacy|auto|2026-07-28 CALL...     CALL: NAME or NAME=JSON

Prints the revision that was agreed on, the names of all tools, and the text of each call, a line each; a question
for a name is answered with "ann".
"""
import asyncio
import json
import sys

from mcp import Client, MCPError
from mcp.types import ElicitResult


async def answer(context, params):
    return ElicitResult(action="accept", content={"name": "ann"})


async def main(url, mode, *calls):
    async with Client(url, mode=mode, elicitation_callback=answer) as client:
        print(client.protocol_version)
        print(*sorted(tool.name for tool in (await client.list_tools()).tools))
        for call in calls:
            name, _, arguments = call.partition("=")
            try:
                result = await client.call_tool(name, json.loads(arguments or "{}"))
                print(f"{name}: {'error ' if result.is_error else ''}{result.content[0].text}")
            except MCPError as e:
                print(f"{name}: failed {e}")


asyncio.run(main(*sys.argv[1:]))

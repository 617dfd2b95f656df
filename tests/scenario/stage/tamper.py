# SPDX-License-Identifier: Apache-2.0
"""Changes a ledger as somebody with write access could, knowing its format (docs/formats/ledger.md)."""
import struct

from .page import Mistake

HEAD = 16  # magic and first index


def frames(data):
    at, found = HEAD, []
    while at + 4 <= len(data):
        (n,) = struct.unpack_from("<I", data, at)
        if n == 0:
            break
        found.append(data[at:at + 4 + n])
        at += 4 + n
    return found


def tamper(folder, how, n):
    """Changes record n of the only segment in folder/log (rewrite: the first allow from n on); gives its index."""
    (path,) = (folder / "log").glob("*.seg")
    data = path.read_bytes()
    records = frames(data)
    if how == "flip":
        changed = bytearray(records[n])
        changed[len(changed) // 2] ^= 1
        records[n] = bytes(changed)
    elif how == "remove":
        del records[n]
    elif how == "swap":
        records[n], records[n + 1] = records[n + 1], records[n]
    elif how == "repeat":
        records.insert(n, records[n])
    elif how == "cut":
        del records[n:]
    elif how == "rewrite":  # well-formed, only the decision is another one
        n = next(i for i in range(n, len(records)) if b'"decision":"allow"' in records[i])
        new = records[n][4:].replace(b'"decision":"allow"', b'"decision":"deny"')
        records[n] = struct.pack("<I", len(new)) + new
    else:
        raise Mistake(f"tamper {how}: flip, remove, swap, repeat, cut or rewrite")
    path.write_bytes(data[:HEAD] + b"".join(records))
    return n

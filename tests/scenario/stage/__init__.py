# SPDX-License-Identifier: Apache-2.0
"""What a scenario's page is played on: the parts of tests/scenario/run."""

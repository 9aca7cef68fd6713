"""What every entry goes through in its chain and in its ledger: docs/protocol.md, section 11.1, steps 4 to 6."""
from .base import leaf_hash, name_of, need


class Chain:
    def __init__(self):
        self.depth, self.prior = 0, None

    def next(self, value, leaf):
        need(value["depth"] == str(self.depth), "ENTRY_DEPTH", value["depth"])
        need(value["prior_entry_hash"] == self.prior, "PRIOR_ENTRY_HASH")
        self.depth, self.prior = self.depth + 1, name_of(leaf_hash(leaf))


class Ledger:
    """Index and time in one ledger."""

    def __init__(self):
        self.index, self.time = -1, ""

    def next(self, value):
        need(int(value["index"]) > self.index, "ENTRY_INDEX", value["index"])
        need(value["time"] >= self.time, "ENTRY_TIME", value["time"])
        self.index, self.time = int(value["index"]), value["time"]

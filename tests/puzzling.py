"""Words that puzzled readers, and "order" where it is not what a customer places. Pages and code avoid them."""

import re

WORDS = re.compile(
    r"\b(?:in order to|in (?:any|no|that|this) order|order of (?:events|steps)|out of order|whoever|nobody|"
    r"hears?|heard|(?:is|are|was|were) told|in hand|for ever|surely|twins?|teeth|weather|stalls?|storms?|deeds?|"
    r"left behind|bur(?:y|ied)|honest|letters? of)\b",
    re.IGNORECASE,
)

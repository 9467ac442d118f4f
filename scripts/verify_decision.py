"""Check a decision that was downloaded: python3 verify_decision.py decision.json [--head NUMBER:HASH]

Needs Python 3.10 or later and nothing else: no Django, no network, none of the site's code. The format is described in
docs/proof.md. Ends with 0 if everything holds, with 1 and the first fault if something does not.
"""

import argparse
import hashlib
import itertools
import json
import sys
from pathlib import Path

FORMAT = "vernissage-decision-1"
DOMAIN = "vernissage-audit-1"
STATES = "state_reasons"  # the act of a statement: what the artist is told
HASHED = ("number", "at_us", "actor", "act", "subject", "facts", "private_digest", "previous")


class Fault(Exception):
    """Something in the file does not hold."""


def entry_hash(entry: dict) -> str:
    """SHA-256 over the fields, each preceded by its length in eight bytes, beginning with the domain and the chain."""
    digest = hashlib.sha256()
    for part in (DOMAIN, entry["chain"], *(str(entry[name]) for name in HASHED)):
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


def check_entry(entry: dict) -> None:
    """Whether the fields give the hash, and the words beside them the digest in the fields."""
    if entry_hash(entry) != entry["hash"]:
        raise Fault(f"entry {entry['number']}: its fields do not give its hash")
    if entry["text"] is not None:
        words = hashlib.sha256(f"{entry['salt']}:{entry['text']}".encode()).hexdigest()
        if words != entry["private_digest"]:
            raise Fault(f"entry {entry['number']}: its words do not give their digest")


def check_links(links: list, entries: list) -> None:
    """Whether the links follow one another without a gap, and each entry stands where it says; a statement must."""
    for before, after in itertools.pairwise(links):
        if after[0] != before[0] + 1 or after[1] != before[2]:
            raise Fault(f"link {after[0]}: it does not follow the one before it")
    by_number = {number: (previous, digest) for number, previous, digest in links}
    for entry in entries:
        stands = by_number.get(entry["number"])
        if stands is None and entry["act"] == STATES:
            raise Fault(f"entry {entry['number']}: it is a statement, and the links do not have it")
        if stands is not None and stands != (entry["previous"], entry["hash"]):
            raise Fault(f"entry {entry['number']}: the links name another one in its place")


def statements(document: dict) -> list:
    return [entry for entry in document["entries"] if entry["act"] == STATES]


def check_statements(document: dict) -> None:
    """Whether what the file says is what was entered."""
    entered = [json.loads(e["text"]) for e in statements(document) if e["text"]]
    if not entered:
        raise Fault("no statement is left in the file: its words were erased, or it is not a decision's")
    if entered != document["says"]:
        raise Fault("what the file says is not what was entered")


def check_head(document: dict, noted: str) -> None:
    """Whether the links end at the head of the file, and go from the statements to what was noted elsewhere."""
    head, links = document["head"], document["links"]
    if document["links_reach_the_head"] and links[-1][0::2] != [head["number"], head["hash"]]:
        raise Fault("the links do not end at the head")
    if noted:
        number, _colon, digest = noted.partition(":")
        last = max(entry["number"] for entry in statements(document))
        if int(number) < last:
            raise Fault(f"you noted entry {number} before entry {last} was made: it says nothing about that one")
        known = {link[0]: link[2] for link in links}
        if int(number) not in known:
            raise Fault(f"the links do not reach entry {number}, which you noted")
        if known[int(number)] != digest:
            raise Fault(f"entry {number} is not the one you noted: the record was rewritten")


def verify(document: dict, noted: str = "") -> None:
    """
    Raises:
        Fault: the first thing that does not hold.
    """
    if document.get("format") != FORMAT:
        raise Fault(f"the format is {document.get('format')!r}, not {FORMAT!r}")
    for entry in document["entries"]:
        check_entry(entry)
        if entry["chain"] != document["head"]["chain"]:
            raise Fault(f"entry {entry['number']}: it is of another chain")
    check_links(document["links"], document["entries"])
    check_statements(document)
    check_head(document, noted)


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a decision that was downloaded.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--head", default="", metavar="NUMBER:HASH", help="a head that you noted earlier or elsewhere")
    asked = parser.parse_args()
    document = json.loads(asked.file.read_text(encoding="utf-8"))
    try:
        verify(document, asked.head)
    except Fault as fault:
        print(f"does not hold: {fault}")
        return 1
    except (KeyError, TypeError, ValueError, IndexError) as trouble:
        print(f"does not hold: the file is not in the format ({trouble!r})")
        return 1
    for said in document["says"]:
        print(f"{said['kind']} on “{said['title']}”: {said.get('verdict') or said.get('state')}")
    for entry in statements(document):
        print(f"entry of the statement: {entry['chain']} {entry['number']}:{entry['hash']}")
    head, tied = document["head"], "" if document["links_reach_the_head"] else "not tied to the "
    print(f"holds: {len(document['entries'])} entries, {tied}head {head['chain']} {head['number']}:{head['hash']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a role's own Unix user does with the role's own key while a workspace is made: run as that user, one step a run.

usage: keyholder key FILE NAME | keyholder create FILE NAME   (the latter reads {"policy", "salt"} from standard input)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from strongroom.documents.canonical import parse_loose
from strongroom.documents.credentials import SigningKey
from strongroom.documents.keyfile import save_key
from strongroom.documents.statement import Statement, sign_statement
from strongroom.errors import Refused, StrongroomError
from strongroom.policy.loader import load_policy


def key(path: Path) -> SigningKey:
    """The role's key, made on the first call; its private half stays in the file."""
    if not path.exists():
        save_key(SigningKey.generate(), path)
    return SigningKey.load(path)


def creation(signing_key: SigningKey, name: str, policy: dict[str, Any], salt: str) -> dict[str, Any]:
    """The envelope by which a node or an administrator agrees to the whole first policy."""
    loaded = load_policy(policy)
    if loaded.credential(name, signing_key.key_id) is None:
        raise Refused("lab.key", f"the policy lists another key for {name}")
    subject = {"policy": loaded.digest, "salt": salt}
    statement = Statement(None, "workspace.create", subject, None, None, name, signing_key.key_id, None)
    return sign_statement(statement, signing_key).to_doc()


def main(arguments: list[str]) -> int:
    """Run one step; the answer is JSON on standard output."""
    try:
        match arguments:
            case ["key", file, _]:
                answer = key(Path(file)).credential.to_doc()
            case ["create", file, name]:
                asked = parse_loose(sys.stdin.buffer.read(1 << 20))
                answer = creation(SigningKey.load(Path(file)), name, asked["policy"], asked["salt"])
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except StrongroomError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

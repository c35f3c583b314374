"""What a bucket of models holds."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle

BUCKET: Final = "models-123456789012-eu-west-1"
ADDRESS: Final = f"s3://{BUCKET}/team/"
FILES: Final = ("metrics.json", "model.onnx", "portable.onnx", "report.html", "manifest.json")


def folder_key(bundle: Bundle) -> str:
    """Return the prefix of a bundle's objects."""
    return f"team/models/churn/{bundle.model_digest[:12]}/"


def versions(s3: Any) -> list[str]:
    """Return the key of each version of each object."""
    return sorted(version["Key"] for version in s3.list_object_versions(Bucket=BUCKET).get("Versions", []))


def require_whole(s3: Any) -> str | None:
    """Check the hashes of the pointer's objects; return the model's version, None without a pointer."""
    keys = set(versions(s3))
    if "team/models/churn/current.json" not in keys:
        return None
    pointer = json.loads(s3.get_object(Bucket=BUCKET, Key="team/models/churn/current.json")["Body"].read())
    assert set(pointer["files"]) == set(FILES)
    for named in pointer["files"].values():
        stored = s3.get_object(Bucket=BUCKET, Key=named["key"], VersionId=named["version_id"])
        assert hashlib.sha256(stored["Body"].read()).hexdigest() == named["sha256"]
        assert stored["Metadata"]["churn-sha256"] == named["sha256"]
    return str(pointer["model_version"])

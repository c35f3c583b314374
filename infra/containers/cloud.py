"""The service `aws` of compose.yaml: moto's S3, SQS and EventBridge with the template's resources."""

from __future__ import annotations

import signal

from infra.local.local_cloud import LocalCloud, forget_aws_settings
from infra.local.template_settings import TemplateSettings

PORT = 4566


def main() -> None:
    """Serve until the container is told to end."""
    ends = {signal.SIGTERM, signal.SIGINT}
    # Before the server's thread starts, which takes it over.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    forget_aws_settings()
    with LocalCloud(TemplateSettings(), PORT, "0.0.0.0") as cloud:
        print(
            f"Drops go to {cloud.input_bucket}/incoming/, scores to {cloud.output_bucket}/scored/.",
            flush=True,
        )
        signal.sigwait(ends)


if __name__ == "__main__":
    main()

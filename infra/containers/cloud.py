"""The service `aws` of compose.yaml: moto's S3, SQS and EventBridge with the template's resources."""

from __future__ import annotations

import signal

from infra.local.aws.local_cloud import LocalCloud, forget_aws_settings
from infra.local.template_settings import TemplateSettings

PORT = 4566
_SERVICE = "aws"
"""The name that other services of compose.yaml reach this one by."""


def main() -> None:
    """Serve until the container is stopped."""
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the server's thread starts, which inherits this; else the thread would get the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    forget_aws_settings()
    with LocalCloud(TemplateSettings(), PORT, "0.0.0.0", [_SERVICE]) as cloud:
        print(
            f"Put files under {cloud.input_bucket}/incoming/; scores come to {cloud.output_bucket}/scored/.",
            flush=True,
        )
        signal.sigwait(stop_signals)


if __name__ == "__main__":
    main()

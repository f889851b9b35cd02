"""Looks at a PDF as a printer and a scanner do: size, words, fonts, codes, colours."""

import subprocess
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from pypdf import PdfReader

POINTS_PER_MM = 72 / 25.4


def run(*command: str, feed: bytes | None = None) -> str:
    """What a program says."""
    return subprocess.run(command, input=feed, capture_output=True, check=True).stdout.decode()


def codes_in(picture: Image.Image) -> list[str]:
    """The addresses of the QR codes in a picture, as zbar's scanner reads them."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        picture.save(file.name)
        found = subprocess.run(["zbarimg", "--quiet", "--raw", "--nodbus", file.name], capture_output=True, check=False)
    return found.stdout.decode().split()


@dataclass(frozen=True)
class Paper:
    """A printed document."""

    pdf: bytes

    @property
    def sizes_mm(self) -> list[tuple[float, float]]:
        """Width and height of every page."""
        boxes = [page.mediabox for page in PdfReader(BytesIO(self.pdf)).pages]
        return [
            (round(float(box.width) / POINTS_PER_MM, 2), round(float(box.height) / POINTS_PER_MM, 2)) for box in boxes
        ]

    def text(self, page: int) -> str:
        """The words of a page, counted from 1."""
        return run("pdftotext", "-f", str(page), "-l", str(page), "-layout", "-", "-", feed=self.pdf)

    def words_mm(self, page: int) -> list[tuple[str, float, float, float, float]]:
        """Every word with its left, top, right and bottom."""
        lines = run("pdftotext", "-f", str(page), "-l", str(page), "-bbox", "-", "-", feed=self.pdf).splitlines()
        words = []
        for line in lines:
            if "<word " in line:
                edges = [
                    float(part.split('"')[1]) / POINTS_PER_MM for part in line.split() if "=" in part and '"' in part
                ]
                words.append((line.split(">")[1].split("<")[0], *edges))
        return words

    def fonts(self) -> list[dict[str, str]]:
        """Every font: its name, whether it is embedded, and only the letters used."""
        with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
            Path(file.name).write_bytes(self.pdf)
            lines = run("pdffonts", file.name).splitlines()[2:]
        return [{"name": line.split()[0], "embedded": line.split()[-5], "subset": line.split()[-4]} for line in lines]

    def picture(self, page: int, dpi: int = 300) -> Image.Image:
        """A page as a printer of that resolution lays it down."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "paper.pdf"
            source.write_bytes(self.pdf)
            run(
                "pdftoppm",
                "-r",
                str(dpi),
                "-f",
                str(page),
                "-l",
                str(page),
                "-singlefile",
                "-png",
                str(source),
                f"{folder}/p",
            )
            return Image.open(BytesIO((Path(folder) / "p.png").read_bytes())).convert("RGB")

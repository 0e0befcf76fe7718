"""Reports of a run: JSON, JUnit XML and one HTML page."""

from .data import Report
from .html import write_html
from .json import write_json
from .junit import write_junit

__all__ = ["Report", "write_html", "write_json", "write_junit"]

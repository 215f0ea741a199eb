"""What a notebook needs to run alike on Databricks, in Jupyter and as a plain script: parameters and display."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OUT_VARIABLE = "THREESTEP_NOTEBOOK_OUT"


@dataclass
class Notebook:
    """The surroundings of a running notebook.

    Attributes:
        names: The notebook's globals: Databricks puts ``dbutils``, ``display`` and ``displayHTML`` there.
        saved: Files that were written for want of a display.
    """

    names: Mapping[str, Any]
    saved: list[Path] = field(default_factory=list)

    @property
    def out(self) -> Path:
        """Where files go off Databricks: ``$THREESTEP_NOTEBOOK_OUT``, else a folder of the temporary directory."""
        folder = Path(os.environ.get(OUT_VARIABLE) or Path(tempfile.gettempdir()) / "threestep-notebook")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def parameter(self, name: str, default: str) -> str:
        """A widget's value on Databricks, else ``$THREESTEP_NOTEBOOK_<NAME>``, else the default."""
        dbutils = self.names.get("dbutils")
        if dbutils is not None:
            dbutils.widgets.text(name, default)
            return str(dbutils.widgets.get(name))
        return os.environ.get(f"THREESTEP_NOTEBOOK_{name.upper()}", default)

    def show(self, thing: Any, name: str) -> None:
        """Show an Altair chart or a Matplotlib figure; where nothing can display it, write HTML or PNG.

        Charts carry their JavaScript in themselves: nothing is fetched when they are looked at.
        """
        is_chart = hasattr(thing, "to_html")
        if is_chart and "displayHTML" in self.names:
            self.names["displayHTML"](thing.to_html(inline=True))
        elif "display" in self.names:
            self.names["display"](thing)
        else:
            path = self.out / f"{name}.{'html' if is_chart else 'png'}"
            if is_chart:
                path.write_text(thing.to_html(inline=True), encoding="utf-8")
            else:
                thing.savefig(path)
            self.saved.append(path)

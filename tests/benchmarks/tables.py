"""Tables as the harnesses print them: Markdown, so that they can be pasted into a page as they are."""

from collections.abc import Sequence


class Table:
    """Lines below columns; a column whose name begins with “>” is aligned right."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self.rows: list[list[str]] = []

    def add(self, *values: object) -> None:
        if len(values) != len(self.columns):
            raise ValueError(f"{len(values)} values for {len(self.columns)} columns")
        self.rows.append([str(value) for value in values])

    def __str__(self) -> str:
        names = [column.removeprefix(">") for column in self.columns]
        widths = [max(len(row[place]) for row in [names, *self.rows]) for place in range(len(names))]
        rule = [f"{'-' * (width - 1)}{':' if column.startswith('>') else '-'}" for column, width in zip(self.columns, widths, strict=True)]
        return "\n".join(self._line(row, widths) for row in [names, rule, *self.rows])

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            text.rjust(width) if column.startswith(">") else text.ljust(width) for text, width, column in zip(row, widths, self.columns, strict=True)
        ]
        return f"| {' | '.join(cells)} |"

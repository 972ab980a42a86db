"""The formats of annotations that there are."""

from typing import Annotated

from pydantic import Field

from turnmill.sources.adapters import segments_json, segments_lines, segments_mrt, segments_srt, segments_textgrid

AnyFormat = Annotated[
    segments_lines.LinesFormat  # a regular expression a line
    | segments_lines.StmFormat
    | segments_lines.RttmFormat
    | segments_lines.LdcFormat  # Fisher, CallHome
    | segments_lines.CtmFormat  # words
    | segments_lines.DelimitedFormat  # tables
    | segments_lines.ParallelFormat  # lines of several files
    | segments_textgrid.TextGridFormat
    | segments_srt.SrtFormat  # subtitles
    | segments_mrt.MrtFormat  # ICSI's meetings
    | segments_json.JsonFormat,
    Field(discriminator="kind"),
]

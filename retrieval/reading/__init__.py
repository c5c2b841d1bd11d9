"""Files of every known format to text with its pages or headings. One format is one file here and one registration.

Nothing here is called by the process that serves a page or runs a comparison: it starts `child`, which reads within limits, by way of
`process`. Importing this folder registers the formats; what they need is imported by the child alone.
"""

from retrieval.reading import docx as docx
from retrieval.reading import html as html
from retrieval.reading import markdown as markdown
from retrieval.reading import pdf as pdf
from retrieval.reading import plain as plain
from retrieval.reading import pptx as pptx
from retrieval.reading import table as table
from retrieval.reading import xlsx as xlsx

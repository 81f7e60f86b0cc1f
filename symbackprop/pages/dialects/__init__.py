"""What kinds of pages are written in: Markdown, HTML, LaTeX."""

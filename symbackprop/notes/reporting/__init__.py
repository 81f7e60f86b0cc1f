"""Reports on notes: checked copies, pages, records, lines for editors and GitHub."""

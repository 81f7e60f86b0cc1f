"""What each ATen op is in the language: `table.ATEN`, one record for each."""

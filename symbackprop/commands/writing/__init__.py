"""What `derive` writes: pages, fragments of papers, PDF."""

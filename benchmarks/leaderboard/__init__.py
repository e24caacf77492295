"""What a store of results says: tables in Markdown and JSON, one HTML page, and what changed between two runs."""

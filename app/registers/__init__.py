"""What stands in the back office's menu, one noun per file. Declarations only: no method, no HTML, no SQL; `app/admin.py` puts them in order."""

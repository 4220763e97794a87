"""What tests share: real servers in temporary folders, and small tools."""

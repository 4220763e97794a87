"""What differs between released contracts and the ones of this code, and which of it would break somebody."""

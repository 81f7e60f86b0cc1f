"""What a traced function handles in the place of arrays: values, what is read of them, written into them and done to them."""

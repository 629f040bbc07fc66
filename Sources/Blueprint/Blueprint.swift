// Blueprint

"""unsealed.py LOG COPY: a copy of the audit log's records without their seals."""

import sys

source, target = sys.argv[1:]
with open(source, "rb") as file:
    data = file.read()
result, place = data[:16], 16
while place + 48 <= len(data):
    end = place + 16 + int.from_bytes(data[place + 1 : place + 4], "big") + 32
    if data[place] == 1:
        result += data[place:end]
    place = end
with open(target, "wb") as file:
    file.write(result)

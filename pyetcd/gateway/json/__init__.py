"""The JSON gateway: what lies under ``/v3/`` as HTTP, translated into calls of the gRPC services (wire contract 8.5).

From outside in: gateway.py (a request becomes a call), routes.py, metadata.py, answers.py (what is sent back),
call.py (what a handler sees), websocket.py and frames.py; scanner.py, tokens.py, decode.py (JSON to protobuf bytes),
encode.py (and back), shapes.py (what both know of the messages), quoting.py, numbers.py.
"""

"""Bodies that are grown to the bounds of docs/imports.md, "Size", and over them: (name, body, options, steps)."""


def text(pointer: str, times: int, unit: str = "x") -> dict:
    return {"pointer": pointer, "text": unit, "times": times}


def every(pointer: str, indices, times: int) -> list:
    return [text(pointer.format(i), times) for i in indices]


CHAT, LAST = "/messages/{}/content", "/messages/1/content"
TOOL = "/tools/{}/function/description"
RESULT = "/messages/2/content/0/content/{}/text"
SCHEMA = "/response_format/json_schema/description"

GROWN = [
    # Two bytes are the quotes.
    ("a text of 8,192 canonical bytes", "grow-chat", {}, [text(LAST, 8190)]),
    ("a text of 8,193 canonical bytes", "grow-chat", {}, [text(LAST, 8191)]),
    ("a text of 8,192 canonical bytes, two bytes each", "grow-chat", {}, [text(LAST, 4095, "\u00f6")]),
    ("a text of 8,194 canonical bytes, two bytes each", "grow-chat", {}, [text(LAST, 4096, "\u00f6")]),
    ("a text of 8,192 canonical bytes, escaped", "grow-chat", {}, [text(LAST, 4095, "\n")]),
    ("a text of 8,194 canonical bytes, escaped", "grow-chat", {}, [text(LAST, 4096, "\n")]),
    ("a text of 8,192 canonical bytes, six for each character", "grow-chat", {}, [text(LAST, 1365, "\u0001")]),
    ("a text of 8,198 canonical bytes, six for each character", "grow-chat", {}, [text(LAST, 1366, "\u0001")]),
    ("a text of 8,190 canonical bytes, four for each character", "grow-chat", {}, [text(LAST, 2047, "\U0001f600")]),
    ("a text of 8,194 canonical bytes, four for each character", "grow-chat", {}, [text(LAST, 2048, "\U0001f600")]),
    ("a text of 120 KB", "grow-chat", {}, [text(LAST, 120_000)]),
    ("a large text of the system", "grow-chat", {}, [text("/messages/0/content", 20_000)]),
    ("a conversation of 120 KB", "grow-conversation", {}, every(CHAT, range(31), 4000)),
    ("a conversation of large texts stays one of parts", "grow-conversation", {}, every(CHAT, range(31), 9000)),
    ("messages of 24,576 canonical bytes", "grow-four", {}, [*every(CHAT, range(3), 8000), text(CHAT.format(3), 301)]),
    ("messages of 24,577 canonical bytes", "grow-four", {}, [*every(CHAT, range(3), 8000), text(CHAT.format(3), 302)]),
    ("tools of 100 KB", "grow-tools", {}, every(TOOL, range(4), 25_000)),
    ("tools of 8,192 canonical bytes", "grow-tools", {}, [text(TOOL.format(0), 7564)]),
    ("tools of 8,193 canonical bytes", "grow-tools", {}, [text(TOOL.format(0), 7565)]),
    ("a large answer of a tool, whose text goes by digest", "grow-anthropic", {}, [text(RESULT.format(0), 9000)]),
    ("an answer of a tool whose parts are large together", "grow-anthropic", {}, every(RESULT, range(2), 5000)),
    ("large arguments", "grow-anthropic", {}, [text("/messages/1/content/1/input/text", 9000)]),
    ("a large thought", "grow-anthropic", {}, [text("/messages/1/content/0/thinking", 9000)]),
    ("a large signature: options go by digest", "grow-anthropic", {}, [text("/messages/1/content/0/signature", 9000)]),
    ("a large document", "grow-anthropic", {}, [text("/messages/2/content/1/source/data", 9000)]),
    ("a large remark on a document", "grow-anthropic", {}, [text("/messages/2/content/1/context", 9000)]),
    ("a large picture", "grow-anthropic", {}, [text("/messages/2/content/2/source/data", 30_000, "AAAA")]),
    ("a large text beside the messages", "grow-anthropic", {}, [text("/system", 9000)]),
    ("a large text to continue", "grow-completion", {}, [text("/prompt", 9000)]),
    ("a grammar of 8,192 canonical bytes", "grow-completion", {}, [text("/grammar", 8190)]),
    ("a grammar of 8,193 canonical bytes", "grow-completion", {}, [text("/grammar", 8191)]),
    ("a large text that ends the answer", "grow-completion", {}, [text("/stop/0", 9000)]),
    ("parameters of two texts, large together", "grow-vllm", {},
     [text("/chat_template", 5000), text("/chat_template_kwargs/a", 5000)]),
    ("one large parameter goes by digest alone", "grow-vllm", {}, [text("/chat_template", 9000)]),
    ("parameters of 8,192 canonical bytes", "grow-vllm", {},
     [text("/chat_template", 5000), text("/chat_template_kwargs/a", 3119)]),
    ("parameters of 8,193 canonical bytes", "grow-vllm", {},
     [text("/chat_template", 5000), text("/chat_template_kwargs/a", 3120)]),
    ("constraints large together", "grow-vllm", {},
     [text("/guided_grammar", 6000), text("/guided_json/description", 6000), text(SCHEMA, 6000)]),
    ("constraints of 16,384 canonical bytes", "grow-vllm", {},
     [text("/guided_grammar", 6000), text("/guided_json/description", 6000), text(SCHEMA, 4190)]),
    ("constraints of 16,385 canonical bytes", "grow-vllm", {},
     [text("/guided_grammar", 6000), text("/guided_json/description", 6000), text(SCHEMA, 4191)]),
    ("a large context", "grow-vllm", {}, [text("/documents/0/text", 5000)]),
    ("a large context with an instance", "grow-vllm", {"instance": "i-1"}, [text("/documents/0/text", 5000)]),
    ("a context whose one member goes by digest", "grow-vllm", {}, [text("/documents/0/text", 9000)]),
    ("large options of a message", "grow-echo", {}, [text("/messages/1/annotations/0/url_citation/title", 9000)]),
    ("large arguments as text", "grow-echo", {}, [text("/messages/1/tool_calls/0/function/arguments", 9000)]),
    ("a large answer to a call", "grow-echo", {}, [text("/messages/2/content", 9000)]),
]  # fmt: skip

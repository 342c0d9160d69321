"""Serves a tiny random model with llama.cpp's own HTTP server.

``llamacpp_server.py FOLDER PORT KEY`` writes FOLDER/tiny.gguf (a llama of one
layer with random weights, always the same ones) and serves it on 127.0.0.1
until the process is ended. What it says is noise; how it says it is llama.cpp's.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

EMBEDDING, HEADS, HIDDEN, CONTEXT = 64, 4, 128, 2048

# Words to speak; the bytes are there so that any prompt can be read.
WORDS = """ the a of and to in is you that it he was for on are as with his they I at be this have from or one had by
word but not what all were we when your can said there use an each which she do how their if will up other about out
many then them these so some her would make like him into time has look two more write go see number no way could""".split()

# ChatML with tools, as Hermes' and Qwen's templates write them: llama.cpp recognizes how calls look.
CHAT_TEMPLATE = """{%- if tools %}{{ '<|im_start|>system\\n<tools>' }}
{%- for tool in tools %}{{ '\\n' + (tool | tojson) }}{%- endfor %}{{ '\\n</tools><|im_end|>\\n' }}{%- endif %}
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}
{%- if m.content %}{{ m.content }}{%- endif %}
{%- if m.tool_calls %}{%- for call in m.tool_calls %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\\n</tool_call>' }}
{%- endfor %}{%- endif %}{{ '<|im_end|>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"""


def vocabulary() -> tuple[list[bytes], list[float], list[int]]:
    """Tokens, their scores and kinds, of a tokenizer as llama's."""
    kinds = gguf.TokenType
    tokens = [b"<unk>", b"<s>", b"</s>"] + [f"<0x{n:02X}>".encode() for n in range(256)]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256
    for text in [chr(n) for n in range(32, 127)] + [f"\u2581{word}" for word in WORDS]:
        tokens.append(text.replace(" ", "\u2581").encode())
        types.append(kinds.NORMAL)
    return tokens, [-float(n) for n in range(len(tokens))], [int(t) for t in types]


def write_model(path: Path) -> None:
    """Writes the model, a few hundred KB."""
    tokens, scores, types = vocabulary()
    w = gguf.GGUFWriter(path, "llama")
    w.add_name("tiny-random")
    w.add_context_length(CONTEXT)
    w.add_embedding_length(EMBEDDING)
    w.add_block_count(1)
    w.add_feed_forward_length(HIDDEN)
    w.add_head_count(HEADS)
    w.add_head_count_kv(HEADS)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_dimension_count(EMBEDDING // HEADS)
    w.add_vocab_size(len(tokens))
    w.add_tokenizer_model("llama")
    w.add_token_list(tokens)
    w.add_token_scores(scores)
    w.add_token_types(types)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.add_chat_template(CHAT_TEMPLATE)
    random = np.random.default_rng(1)

    def tensor(name: str, *shape: int) -> None:
        w.add_tensor(name, random.normal(0, 0.5, shape).astype(np.float32))

    def ones(name: str) -> None:
        w.add_tensor(name, np.ones(EMBEDDING, np.float32))

    tensor("token_embd.weight", len(tokens), EMBEDDING)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensor(f"blk.0.{name}.weight", EMBEDDING, EMBEDDING)
    tensor("blk.0.ffn_gate.weight", HIDDEN, EMBEDDING)
    tensor("blk.0.ffn_up.weight", HIDDEN, EMBEDDING)
    tensor("blk.0.ffn_down.weight", EMBEDDING, HIDDEN)
    for name in ("blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"):
        ones(name)
    # Words are far likelier than bytes, which would only give broken characters.
    out = random.normal(0, 0.5, (len(tokens), EMBEDDING)).astype(np.float32)
    out[:259] *= 0.01
    w.add_tensor("output.weight", out)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main() -> None:
    folder, port, key = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "tiny.gguf"
    write_model(model)
    p = xllamacpp.CommonParams()
    p.model.path = str(model)
    p.model_alias = {"tiny-random"}
    p.hostnames = ["127.0.0.1"]
    p.port = port
    p.api_keys = [key]
    p.n_ctx = CONTEXT
    p.n_parallel = 1
    p.cpuparams.n_threads = 1
    p.n_threads_http = 4
    p.warmup = False
    p.use_jinja = True
    server = xllamacpp.Server(p)
    print("listening at", server.listening_address, "llama.cpp", xllamacpp.BUILD_INFO, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()

"""A server of a folder of weights, for tests: `python student_server.py FOLDER PORT [FAULT]`.

What decoding=served needs of vLLM and its like, in their form: GET /v1/models, and greedy
completions of token ids with log-probabilities. FAULT `other` serves other weights than it was
given. One request at a time.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Handler(BaseHTTPRequestHandler):
    folder: str
    model: Any
    tokenizer: Any

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": self.folder, "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ids, logprobs, ended = list(body["prompt"]), [], False
        while len(logprobs) < body["max_tokens"] and not ended:
            with torch.inference_mode():
                last = self.model(input_ids=torch.tensor([ids])).logits[0, -1].float()
            scores = torch.log_softmax(last, dim=-1)
            token = int(scores.argmax())
            logprobs.append(float(scores[token]))
            ended = token == self.tokenizer.eos_token_id
            ids.append(token)
        written = ids[len(body["prompt"]) : len(ids) - ended]
        choice = {
            "index": 0,
            "text": self.tokenizer.decode(written, clean_up_tokenization_spaces=False),
            "finish_reason": "stop" if ended else "length",
            "logprobs": {"token_logprobs": logprobs},
        }
        usage = {"prompt_tokens": 0, "completion_tokens": len(logprobs), "total_tokens": 0}
        reply = {"id": "c", "object": "text_completion", "created": 0, "model": body["model"]}
        self._send({**reply, "choices": [choice], "usage": usage})

    def _send(self, reply: Any) -> None:
        payload = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


def main(folder: str, port: str, *fault: str) -> None:
    torch.set_num_threads(1)
    Handler.folder = folder
    Handler.tokenizer = AutoTokenizer.from_pretrained(folder)
    Handler.model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    if fault:
        torch.manual_seed(1)
        for parameter in Handler.model.parameters():
            torch.nn.init.normal_(parameter)
    HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A smoke test of an OpenAI client. It reads OPENAI_BASE_URL and OPENAI_API_KEY."""

from openai import OpenAI

completion = OpenAI().chat.completions.create(
    model="shimmy-tiny",
    messages=[{"role": "user", "content": "What is the capital of France?"}],
    temperature=0,
)
answer = completion.choices[0].message.content
assert answer == "The capital of France is Paris.", answer
print(answer)

import type { ParsedAnswer } from "../doubles/parsed.ts";

/** A model's output and the expected result. */
export interface Sample {
  /** Name of the tool format. */
  readonly format: string;
  readonly answer: string;
  readonly opensReasoning?: boolean;
  /** Omitted fields are empty. */
  readonly expected: Partial<ParsedAnswer>;
}

/** Outputs for a tool `get_weather` (city, days, exact, places) and a tool `get_time` (zone). */
export const SAMPLES: readonly Sample[] = [
  {
    format: "hermes",
    answer: '<think>\nWeather.\n</think>\n\nOne moment.\n<tool_call>\n{"name": "get_weather", ' +
      '"arguments": {"city": "Paris"}}\n</tool_call>\n<tool_call>\n{"arguments": {"zone": "UTC"}, ' +
      '"name": "get_time"}\n</tool_call>',
    expected: {
      text: "One moment.",
      reasoning: "Weather.",
      calls: [
        { name: "get_weather", arguments: { city: "Paris" } },
        { name: "get_time", arguments: { zone: "UTC" } },
      ],
    },
  },
  {
    format: "hermes",
    answer: '<tool_call>{"name": "get_time", "arguments": "{\\"zone\\": \\"UTC\\"}"}</tool_call>',
    expected: { calls: [{ name: "get_time", arguments: { zone: "UTC" } }] },
  },
  {
    format: "qwen3-coder",
    answer:
      "I look.\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nline 1\n\n  line 2\n" +
      "</parameter>\n<parameter=days>\n2\n</parameter>\n<parameter=exact>\nTrue\n</parameter>\n" +
      "</function>\n</tool_call>",
    expected: {
      text: "I look.",
      calls: [{
        name: "get_weather",
        arguments: { city: "line 1\n\n  line 2", days: 2, exact: true },
      }],
    },
  },
  {
    format: "seed-oss",
    answer: "<seed:tool_call>\n<function=get_weather>\n<parameter=city>2024</parameter>\n" +
      "<parameter=days>3</parameter>\n</function>\n</seed:tool_call>",
    expected: { calls: [{ name: "get_weather", arguments: { city: "2024", days: 3 } }] },
  },
  {
    format: "minimax-m2",
    answer: "Reason.</think>\n\nText\n<minimax:tool_call>\n" +
      '<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n' +
      '<parameter name="days">2</parameter>\n</invoke>\n</minimax:tool_call>',
    opensReasoning: true,
    expected: {
      text: "Text",
      reasoning: "Reason.",
      calls: [{ name: "get_weather", arguments: { city: "Paris", days: 2 } }],
    },
  },
  {
    format: "minimax-m3",
    answer:
      ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="get_weather">]<]minimax[>[<city>' +
      "Paris]<]minimax[>[</city>]<]minimax[>[<places>]<]minimax[>[<item>a]<]minimax[>[</item>" +
      "]<]minimax[>[</places>]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>",
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris", places: ["a"] } }] },
  },
  {
    format: "minimax-m1",
    answer: '<tool_calls>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n{"name": ' +
      '"get_time", "arguments": {}}\n</tool_calls>',
    expected: {
      calls: [
        { name: "get_weather", arguments: { city: "Paris" } },
        { name: "get_time", arguments: {} },
      ],
    },
  },
  {
    format: "minicpm5",
    answer: '<function name="get_weather"><param name="city"><![CDATA[<b>]]></param>' +
      '<param name="days">2</param></function>',
    expected: { calls: [{ name: "get_weather", arguments: { city: "<b>", days: 2 } }] },
  },
  {
    format: "glm",
    answer: "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n" +
      "<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>",
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris", days: 2 } }] },
  },
  {
    format: "glm",
    answer: "<tool_call>get_time<arg_key>zone</arg_key><arg_value>UTC</arg_value></tool_call>",
    expected: { calls: [{ name: "get_time", arguments: { zone: "UTC" } }] },
  },
  {
    format: "hunyuan",
    answer: "<think:opensource>So.</think:opensource>Yes<tool_calls:opensource>\n" +
      "<tool_call:opensource>get_time<tool_sep:opensource>\n<arg_key:opensource>zone" +
      "</arg_key:opensource>\n<arg_value:opensource>UTC</arg_value:opensource>\n" +
      "</tool_call:opensource>\n</tool_calls:opensource>",
    expected: {
      text: "Yes",
      reasoning: "So.",
      calls: [{ name: "get_time", arguments: { zone: "UTC" } }],
    },
  },
  {
    format: "deepseek-v3.2",
    answer:
      'Text\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter ' +
      'name="city" string="true">12</｜DSML｜parameter>\n<｜DSML｜parameter name="days" ' +
      'string="false">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    expected: {
      text: "Text",
      calls: [{ name: "get_weather", arguments: { city: "12", days: 2 } }],
    },
  },
  {
    format: "deepseek-v4",
    answer: '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="get_time">\n</｜DSML｜invoke>\n' +
      "</｜DSML｜tool_calls>",
    expected: { calls: [{ name: "get_time", arguments: {} }] },
  },
  {
    format: "deepseek-v3.1",
    answer: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>" +
      '{"city": "Paris"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "deepseek-r1",
    answer:
      "Hmm.\n</think>\n\nText<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>" +
      'get_weather\n```json\n{"city": "Paris"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function' +
      "<｜tool▁sep｜>get_time\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    opensReasoning: true,
    expected: {
      text: "Text",
      reasoning: "Hmm.",
      calls: [
        { name: "get_weather", arguments: { city: "Paris" } },
        { name: "get_time", arguments: {} },
      ],
    },
  },
  {
    format: "kimi-k2",
    answer: "Text<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0" +
      '<|tool_call_argument_begin|>{"city": "Paris"}<|tool_call_end|><|tool_calls_section_end|>',
    expected: { text: "Text", calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "kimi-k3",
    answer: "Hmm.<|close|>think<|sep|><|open|>response<|sep|>Text<|close|>response<|sep|>" +
      '<|open|>tools<|sep|><|open|>call tool="get_weather" index="1"<|sep|><|open|>argument ' +
      'key="city" type="string"<|sep|>Paris<|close|>argument<|sep|><|open|>argument key="days" ' +
      'type="number"<|sep|>2<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>' +
      "<|close|>message<|sep|>",
    opensReasoning: true,
    expected: {
      text: "Text",
      reasoning: "Hmm.",
      calls: [{ name: "get_weather", arguments: { city: "Paris", days: 2 } }],
    },
  },
  {
    format: "mistral",
    answer:
      '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}, "id": "call00001"}]',
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "mistral-named",
    answer:
      'Text[TOOL_CALLS]get_weather[CALL_ID]call00001[ARGS]{"city": "Paris"}[TOOL_CALLS]get_time' +
      "[ARGS]{}",
    expected: {
      text: "Text",
      calls: [
        { name: "get_weather", arguments: { city: "Paris" } },
        { name: "get_time", arguments: {} },
      ],
    },
  },
  {
    format: "functionary-3.1",
    answer: 'Text<function=get_weather>{"city": "Paris"}</function>',
    expected: { text: "Text", calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "functionary-3.2",
    answer: 'all\nText and >> more>>>get_weather\n{"city": "Paris"}>>>get_time\n{}',
    expected: {
      text: "Text and >> more",
      calls: [
        { name: "get_weather", arguments: { city: "Paris" } },
        { name: "get_time", arguments: {} },
      ],
    },
  },
  {
    format: "harmony",
    answer: "<|channel|>analysis<|message|>Hmm.<|end|><|start|>assistant<|channel|>commentary " +
      'to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
    expected: {
      reasoning: "Hmm.",
      calls: [{ name: "get_weather", arguments: { city: "Paris" } }],
    },
  },
  {
    format: "harmony",
    answer: " to=functions.get_time<|channel|>commentary json<|message|>{}",
    expected: { calls: [{ name: "get_time", arguments: {} }] },
  },
  {
    format: "harmony",
    answer:
      "<|channel|>analysis<|message|>Hmm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
    expected: { reasoning: "Hmm.", text: "Yes." },
  },
  {
    format: "muse",
    answer: " to=self<|message|>Hmm.<|eom|><|start|>assistant to=get_weather<|message|>" +
      '<atem:function_calls>\n<atem:invoke name="get_weather">\n<atem:parameter name="city">Paris' +
      "</atem:parameter>\n</atem:invoke>\n</atem:function_calls>",
    expected: {
      reasoning: "Hmm.",
      calls: [{ name: "get_weather", arguments: { city: "Paris" } }],
    },
  },
  {
    format: "solar",
    answer: "<|think|>Hmm.<|end|><|begin|>assistant<|content|>Text<|end|><|begin|>assistant" +
      "<|tool_calls|><|tool_call:begin|>abc<|tool_call:name|>get_weather<|tool_call:args|>" +
      '{"city": "Paris"}<|tool_call:end|><|calls|>',
    expected: {
      text: "Text",
      reasoning: "Hmm.",
      calls: [{ name: "get_weather", arguments: { city: "Paris" } }],
    },
  },
  {
    format: "command-r7b",
    answer: '<|START_THINKING|>Hmm.<|END_THINKING|><|START_ACTION|>[\n    {"tool_call_id": "0", ' +
      '"tool_name": "get_weather", "parameters": {"city": "Paris"}}\n]<|END_ACTION|>',
    expected: {
      reasoning: "Hmm.",
      calls: [{ name: "get_weather", arguments: { city: "Paris" } }],
    },
  },
  {
    format: "command-r7b",
    answer: "Hmm.<|END_THINKING|><|START_TEXT|>Yes.<|END_TEXT|>",
    opensReasoning: true,
    expected: { reasoning: "Hmm.", text: "Yes." },
  },
  {
    format: "command-r",
    answer: 'Action:\n```json\n[\n    {\n        "tool_name": "get_weather",\n        ' +
      '"parameters": {\n            "city": "Paris"\n        }\n    }\n]```',
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "granite",
    answer: '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]',
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "phi4",
    answer: '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]<|/tool_call|>',
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "nemotron",
    answer: '<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>',
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "apriel",
    answer: 'Text\n<tool_calls>[{"name": "get_weather", "arguments": {"city": "Paris"}, ' +
      '"id": "call00001"}]</tool_calls>',
    expected: { text: "Text", calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "apertus",
    answer: 'Text<|tools_prefix|>[{"get_weather": {"city": "Paris"}}, {"get_time": {}}]' +
      "<|tools_suffix|>",
    expected: {
      text: "Text",
      calls: [
        { name: "get_weather", arguments: { city: "Paris" } },
        { name: "get_time", arguments: {} },
      ],
    },
  },
  {
    format: "firefunction",
    answer: ' functools[{"name": "get_weather", "arguments": {"city": "Paris"}}]',
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "gigachat-3",
    answer: "Text<|message_sep|>\n\nfunction call<|role_sep|>\n" +
      '{"name": "get_weather", "arguments": {"city": "Paris"}}',
    expected: { text: "Text", calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "gigachat-3.1",
    answer: 'Text<|function_call|>{"name": "get_weather", "arguments": {"city": "Paris"}}',
    expected: { text: "Text", calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "gemma4",
    answer: '<|tool_call>call:get_weather{city:<|"|>Paris, {x}<|"|>,days:2,exact:true,places:' +
      '[<|"|>a<|"|>]}<tool_call|>',
    expected: {
      calls: [{
        name: "get_weather",
        arguments: { city: "Paris, {x}", days: 2, exact: true, places: ["a"] },
      }],
    },
  },
  {
    format: "lfm2",
    answer: "<|tool_call_start|>[get_weather(city='Par\\'is', days=2), get_time(zone=\"UTC\")]" +
      "<|tool_call_end|>Done",
    expected: {
      text: "Done",
      calls: [
        { name: "get_weather", arguments: { city: "Par'is", days: 2 } },
        { name: "get_time", arguments: { zone: "UTC" } },
      ],
    },
  },
  {
    format: "pythonic",
    answer: '[get_weather(city="Paris", exact=True, places=["a", \'b\'])]',
    expected: {
      calls: [{
        name: "get_weather",
        arguments: { city: "Paris", exact: true, places: ["a", "b"] },
      }],
    },
  },
  {
    format: "llama3-json",
    answer: '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}',
    expected: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "llama3-json",
    answer: '{"type": "function", "function": {"name": "get_time", "parameters": {}}}',
    expected: { calls: [{ name: "get_time", arguments: {} }] },
  },
  {
    format: "llama3-json",
    answer: '{"name": "Alice", "age": 30}',
    expected: { text: '{"name": "Alice", "age": 30}', calls: [] },
  },
  {
    format: "generic",
    answer: 'Sure!\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
    expected: { text: "Sure!", calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
  {
    format: "generic",
    answer: '```json\n{"name": "Alice"}\n``` is JSON.',
    expected: { text: '```json\n{"name": "Alice"}\n``` is JSON.', calls: [] },
  },
];

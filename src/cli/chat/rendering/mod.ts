/** How a chat looks on the terminal: answers as Markdown, reasoning, rates, probabilities. */
export { AnswerView, type ViewOptions } from "./answer_view.ts";
export { AnswersInOrder } from "./answers_in_order.ts";
export { bar } from "./bar.ts";
export { rateLine } from "./rate_line.ts";
export { NO_STYLES, styled, STYLES } from "./styles.ts";
export { probabilityLines } from "./token_probabilities.ts";

/** The content of the page. */
export function View() {
  return <h1>API</h1>;
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/**
 * Formats a local date like C's `strftime` in the C locale: models were trained on English month
 * names. Directives that chat templates do not use are left unchanged.
 */
export function strftime(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const month = MONTHS[date.getMonth()]!;
  const day = DAYS[date.getDay()]!;
  const directives: Readonly<Record<string, () => string>> = {
    "%Y": () => String(date.getFullYear()),
    "%y": () => two(date.getFullYear() % 100),
    "%m": () => two(date.getMonth() + 1),
    "%d": () => two(date.getDate()),
    "%-d": () => String(date.getDate()),
    "%e": () => String(date.getDate()).padStart(2),
    "%b": () => month.slice(0, 3),
    "%B": () => month,
    "%a": () => day.slice(0, 3),
    "%A": () => day,
    "%H": () => two(date.getHours()),
    "%I": () => two(date.getHours() % 12 || 12),
    "%p": () => date.getHours() < 12 ? "AM" : "PM",
    "%M": () => two(date.getMinutes()),
    "%S": () => two(date.getSeconds()),
    "%%": () => "%",
  };
  return format.replace(
    /%(?:-d|[a-zA-Z%])/g,
    (directive) => directives[directive]?.() ?? directive,
  );
}

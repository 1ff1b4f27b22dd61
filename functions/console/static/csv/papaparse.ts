// The part of PapaParse that the console uses. @types/papaparse would declare the globals of Node as well.
declare module "papaparse" {
  interface StepResult {
    data: string[];
    errors: { type: string; index?: number }[];
    meta: { cursor: number };
  }
  interface Options {
    delimiter: string;
    newline: string;
    skipEmptyLines: boolean;
    step: (result: StepResult, parser: { abort: () => void }) => void;
  }
  const Papa: { parse: (text: string, options: Options) => void };
  export default Papa;
}

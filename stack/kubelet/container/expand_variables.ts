/**
 * Replaces $(NAME) by the variable's value; $$(NAME) stands for $(NAME) itself, and a name that is
 * not known is left as it is. As Kubernetes expands command, args and env.
 */
export function expandVariables(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (whole, name?: string) => {
    if (whole === "$$") return "$";
    return values.get(name!) ?? whole;
  });
}

package filter

import (
	"errors"
	"fmt"
	"regexp/syntax"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// maxRegex is how many states a regular expression may have.
const maxRegex = 1000

// checks is what expressions have to fulfil beyond the language, so that what they cost is bounded.
type checks struct{}

// Name names the checks for CEL.
func (checks) Name() string { return "durahook" }

// Validate adds what is wrong with an expression to issues.
func (checks) Validate(_ *cel.Env, _ cel.ValidatorConfig, checked *ast.AST, issues *cel.Issues) {
	root := ast.NavigateAST(checked)
	if result := checked.GetType(root.ID()); result != types.BoolType {
		issues.ReportErrorAtID(root.ID(), "the result must be true or false, not %s; compare it with something, as in data.duration > 60", typeName(result))
	}
	for _, loop := range ast.MatchDescendants(root, ast.KindMatcher(ast.ComprehensionKind)) {
		if nesting(loop) > maxNesting {
			issues.ReportErrorAtID(loop.ID(), "this loop stands inside %d others; at most %d may stand inside one another", nesting(loop)-1, maxNesting)
		}
	}
	for _, call := range ast.MatchDescendants(root, ast.FunctionMatcher(overloads.Matches)) {
		checkRegex(call.AsCall(), issues)
	}
}

// nesting is how many loops a loop is the innermost of. One whose results another goes through stands before
// that, not inside it.
func nesting(loop ast.NavigableExpr) int {
	depth := 1
	parent, found := loop.Parent()
	for child := loop; found; parent, found = child.Parent() {
		if parent.Kind() == ast.ComprehensionKind && parent.AsComprehension().IterRange().ID() != child.ID() {
			depth++
		}
		child = parent
	}
	return depth
}

func checkRegex(call ast.CallExpr, issues *cel.Issues) {
	pattern := call.Args()[len(call.Args())-1]
	if pattern.Kind() != ast.LiteralKind {
		issues.ReportErrorAtID(pattern.ID(), "the regular expression must be written out here, as in data.name.matches(\"^A\")")
		return
	}
	text, _ := pattern.AsLiteral().Value().(string)
	states, err := regexStates(text)
	switch {
	case err != nil:
		issues.ReportErrorAtID(pattern.ID(), "the regular expression is not right: %s", reason(err))
	case states > maxRegex:
		issues.ReportErrorAtID(pattern.ID(), "the regular expression is too large; repeat less in it")
	}
}

// regexStates returns how many states the machine of a regular expression has. (CEL's own function for that
// knows no repetitions such as x{3}.)
func regexStates(pattern string) (int, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, fmt.Errorf("parse regular expression: %w", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, fmt.Errorf("compile regular expression: %w", err)
	}
	return len(program.Inst), nil
}

func reason(err error) string {
	var syntaxError *syntax.Error
	if errors.As(err, &syntaxError) {
		return syntaxError.Code.String()
	}
	return "it cannot be read"
}

// typeName names a type as messages do.
func typeName(t *types.Type) string {
	if t.Kind() == types.DynKind {
		return "anything"
	}
	return cel.FormatCELType(t)
}

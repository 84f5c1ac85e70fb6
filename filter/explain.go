package filter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
)

// mostIssues is how many mistakes are told at once.
const mostIssues = 3

// explain says what is wrong with an expression and where.
func explain(expression string, issues *cel.Issues) string {
	found := slices.Clone(issues.Errors())
	slices.SortStableFunc(found, func(a, b *cel.Error) int {
		if a.Location.Line() != b.Location.Line() {
			return a.Location.Line() - b.Location.Line()
		}
		return a.Location.Column() - b.Location.Column()
	})
	var parts []string
	for _, issue := range found {
		message, grammar := strings.CutPrefix(issue.Message, "Syntax error: ")
		if grammar {
			message = explainGrammar(message)
		} else {
			message = explainMeaning(expression, issue)
		}
		if issue.Location.Line() > 0 {
			message = fmt.Sprintf("line %d, column %d: %s", issue.Location.Line(), issue.Location.Column()+1, message)
		}
		parts = append(parts, message)
		if grammar || len(parts) == mostIssues { // what follows a slip of grammar is mostly its consequence
			break
		}
	}
	return strings.Join(parts, "; ")
}

// explainGrammar rewords what the parser has to say.
func explainGrammar(message string) string {
	offending := regexp.MustCompile(`(?:mismatched input|extraneous input|no viable alternative at input|token recognition error at:) '(.*?)'(?: expecting .*)?$`).
		FindStringSubmatch(message)
	switch {
	case offending == nil:
		return shorten(message)
	case strings.HasSuffix(offending[1], "<EOF>"):
		return "the expression ends too early"
	case strings.Contains(message, "token recognition"):
		return fmt.Sprintf(`%q means nothing here; "and" is &&, "or" is ||, "equal" is ==, and texts stand in quotes`, shorten(strings.TrimSpace(offending[1])))
	default:
		return fmt.Sprintf("%q is not expected here", shorten(offending[1]))
	}
}

// explainMeaning rewords what the type checker has to say.
func explainMeaning(expression string, issue *cel.Error) string {
	if name := regexp.MustCompile(`^undeclared reference to '(.*)' \(in container`).FindStringSubmatch(issue.Message); name != nil {
		if calls(expression, name[1]) {
			return fmt.Sprintf("there is no function %s", shorten(name[1]))
		}
		return fmt.Sprintf("%s is not known; there are event, timestamp and data with what is in it, such as data.%s",
			shorten(name[1]), shorten(name[1]))
	}
	if call := regexp.MustCompile(`^found no matching overload for '(.*)' applied to '(.*)'$`).FindStringSubmatch(issue.Message); call != nil {
		// The types stand as (first, second), or as first.(second) when the function is called like a method.
		types := strings.NewReplacer(".(", ", ").Replace(strings.TrimSuffix(strings.TrimPrefix(call[2], "("), ")"))
		return fmt.Sprintf("%s cannot be used with %s", shorten(display(call[1])), shorten(strings.TrimSuffix(types, ", ")))
	}
	if types := regexp.MustCompile(`^expected type '(.*)' but found '(.*)'$`).FindStringSubmatch(issue.Message); types != nil {
		return fmt.Sprintf("this must be %s, not %s", shorten(types[1]), shorten(types[2]))
	}
	if strings.Contains(issue.Message, "recursion") {
		return "is nested too deeply"
	}
	return shorten(issue.Message)
}

// display returns a function's name as it is written in an expression.
func display(function string) string {
	if function == operators.Conditional {
		return "? :"
	}
	if operator, ok := operators.FindReverse(function); ok && operator != "" {
		return operator
	}
	return function
}

// calls reports whether a name is used as that of a function.
func calls(expression, name string) bool {
	return regexp.MustCompile(regexp.QuoteMeta(name) + `\s*\(`).MatchString(expression)
}

// shorten cuts a text down to what a message can hold.
func shorten(text string) string {
	const most = 120
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) > most {
		return string([]rune(text)[:most]) + "…"
	}
	return text
}

package statements

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
)

// scope is where an expression stands.
type scope struct {
	pkg      *pkg
	function *ast.FuncDecl       // nil: outside of all
	call     *ast.CallExpr       // one of those in it
	bound    map[string][]string // what parameters are in the call that is looked at
}

// maxDepth bounds how far a text is followed.
const maxDepth = 24

// texts are all that an expression may be.
func (s *source) texts(in scope, e ast.Expr, depth int) ([]string, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("a text is put together in more than %d steps", maxDepth)
	}
	depth++
	switch e := e.(type) {
	case *ast.ParenExpr:
		return s.texts(in, e.X, depth)
	case *ast.BasicLit:
		if text, ok := literal(e); ok {
			return []string{text}, nil
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return s.joined(in, e, depth)
		}
	case *ast.Ident:
		return s.named(in, e.Name, depth)
	case *ast.CallExpr:
		if isSprintf(e) {
			return s.formatted(in, e, depth)
		}
		return s.returned(in, e, depth)
	}
	return nil, fmt.Errorf("a part of the text is unknown before it runs: %T", e)
}

func (s *source) joined(in scope, e *ast.BinaryExpr, depth int) (all []string, err error) {
	left, err := s.texts(in, e.X, depth)
	if err != nil {
		return nil, err
	}
	right, err := s.texts(in, e.Y, depth)
	if err != nil {
		return nil, err
	}
	for _, l := range left {
		for _, r := range right {
			all = append(all, l+r)
		}
	}
	return all, nil
}

// named is a constant, a variable of the function, or a parameter of it.
func (s *source) named(in scope, name string, depth int) ([]string, error) {
	if bound, ok := in.bound[name]; ok {
		return bound, nil
	}
	if in.function != nil {
		if values := assigned(in.function, name); len(values) > 0 {
			return s.each(in, values, depth)
		}
		if i := parameter(in.function, name); i >= 0 {
			return s.passed(in, i, depth)
		}
	}
	if value, ok := in.pkg.constants[name]; ok {
		return s.texts(scope{pkg: in.pkg}, value, depth)
	}
	return nil, fmt.Errorf("nobody says what %s is", name)
}

func (s *source) each(in scope, values []ast.Expr, depth int) (all []string, err error) {
	for _, value := range values {
		texts, err := s.texts(in, value, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, texts...)
	}
	return all, nil
}

// passed is what calls of a function pass as a parameter of it, wherever they may
// be: a function is known by its name and the number of its parameters.
func (s *source) passed(in scope, i, depth int) (all []string, err error) {
	function := in.function
	for _, c := range s.calls {
		if c.pkg != in.pkg && !function.Name.IsExported() {
			continue
		}
		if calledName(c.call) != function.Name.Name || len(c.call.Args) != function.Type.Params.NumFields() || c.function == function {
			continue
		}
		texts, err := s.texts(scope{pkg: c.pkg, function: c.function}, c.call.Args[i], depth)
		if err != nil {
			return nil, err
		}
		all = append(all, texts...)
	}
	if all == nil {
		return nil, fmt.Errorf("nobody calls %s", function.Name.Name)
	}
	return all, nil
}

// returned is what a function of the package returns, if it does but that.
func (s *source) returned(in scope, call *ast.CallExpr, depth int) ([]string, error) {
	name := calledName(call)
	if texts, ok := s.returns[name]; ok {
		return texts, nil
	}
	function := in.pkg.functions[name]
	if function == nil || len(function.Body.List) != 1 {
		return nil, fmt.Errorf("what %s returns is unknown before it runs", name)
	}
	result, ok := function.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(result.Results) != 1 {
		return nil, fmt.Errorf("what %s returns is unknown before it runs", name)
	}
	bound := map[string][]string{}
	i := 0
	for _, field := range function.Type.Params.List {
		for _, param := range field.Names {
			texts, err := s.texts(in, call.Args[i], depth)
			if err != nil {
				return nil, err
			}
			bound[param.Name] = texts
			i++
		}
	}
	return s.texts(scope{pkg: in.pkg, bound: bound}, result.Results[0], depth)
}

var verbs = regexp.MustCompile(`%(\[\d+\])?[ds]`)

func (s *source) formatted(in scope, call *ast.CallExpr, depth int) ([]string, error) {
	all, err := s.texts(in, call.Args[0], depth)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = verbs.ReplaceAllString(all[i], "%${1}s") // numbers come as texts
	}
	args := [][]any{nil}
	for _, arg := range call.Args[1:] {
		texts, err := s.texts(in, arg, depth)
		if err != nil {
			return nil, err
		}
		var longer [][]any
		for _, before := range args {
			for _, text := range texts {
				longer = append(longer, append(append([]any{}, before...), text))
			}
		}
		args = longer
	}
	var list []string
	for _, format := range all {
		for _, values := range args {
			list = append(list, fmt.Sprintf(format, values...))
		}
	}
	return list, nil
}

func literal(e *ast.BasicLit) (string, bool) {
	switch e.Kind {
	case token.INT:
		return e.Value, true
	case token.STRING:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	}
	return "", false
}

func isSprintf(call *ast.CallExpr) bool {
	of, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || of.Sel.Name != "Sprintf" {
		return false
	}
	name, ok := of.X.(*ast.Ident)
	return ok && name.Name == "fmt"
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// assigned are the values that a function gives a variable.
func assigned(function *ast.FuncDecl, name string) (values []ast.Expr) {
	is := func(e ast.Expr) bool {
		ident, ok := e.(*ast.Ident)
		return ok && ident.Name == name
	}
	ast.Inspect(function, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if is(left) && len(n.Lhs) == len(n.Rhs) {
					values = append(values, n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, left := range n.Names {
				if left.Name == name && len(n.Values) == len(n.Names) {
					values = append(values, n.Values[i])
				}
			}
		case *ast.RangeStmt:
			if list, ok := n.X.(*ast.CompositeLit); ok && n.Value != nil && is(n.Value) {
				values = append(values, list.Elts...)
			}
		}
		return true
	})
	return values
}

// parameter is the number of a parameter of a function; -1 if it has none of
// that name.
func parameter(function *ast.FuncDecl, name string) int {
	i := 0
	for _, field := range function.Type.Params.List {
		for _, param := range field.Names {
			if param.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

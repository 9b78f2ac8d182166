// Package statements reads the SQL of this program out of its source: for tests
// and measurements that have to know all of it.
//
// It promises every statement that a text in the source begins, put together as
// the program does from constants, from what callers pass and from functions
// that return one text; with all that it may be where that differs. A constant
// that is put together with others counts where that happens. What it can't put
// together is an error, so that no statement is left out in silence.
package statements

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Statement is one that the program carries out.
type Statement struct {
	Place string // where it begins: "internal/store/runs/runs.go:69"
	SQL   string
}

// begins tells a statement, which has a plan, from other texts.
var begins = regexp.MustCompile(`^\s*(SELECT\s+(\S|$)|INSERT INTO\s|UPDATE\s+\w+|DELETE FROM\s|WITH\s+(RECURSIVE\s+)?\w+\s+(\([^)]*\)\s+)?AS\s+(MATERIALIZED\s+|NOT MATERIALIZED\s+)?\()`)

// words are in texts that only look like statements: privileges, and advice to
// people, which says in the same line what a statement is for.
var words = regexp.MustCompile(`^\s*SELECT\s+(SELECT|INSERT|UPDATE|DELETE|on)\b|^[^\n]*\b(shows|says)\b`)

func isStatement(text string) bool { return begins.MatchString(text) && !words.MatchString(text) }

// Root is the folder of the module around the working folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the source: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the source: no go.mod in the working folder or above it")
		}
		dir = filepath.Dir(dir)
	}
}

// Options say what to read.
type Options struct {
	Below  []string            // folders of the module
	Except []string            // folders and files in them that are left out
	Return map[string][]string // what functions may return that do more than that
}

// Read returns the statements in the packages of the module below root.
func Read(root string, o Options) ([]Statement, error) {
	s := &source{set: token.NewFileSet(), root: root, packages: map[string]*pkg{}, returns: o.Return}
	for _, dir := range o.Below {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case slices.Contains(o.Except, s.name(path)) && entry.IsDir():
				return fs.SkipDir
			case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || slices.Contains(o.Except, s.name(path)):
				return nil
			}
			return s.parse(path)
		})
		if err != nil {
			return nil, fmt.Errorf("read the source: %w", err)
		}
	}
	list, err := s.statements()
	slices.SortFunc(list, func(x, y Statement) int { return strings.Compare(x.Place+x.SQL, y.Place+y.SQL) })
	return slices.CompactFunc(list, func(x, y Statement) bool { return x.SQL == y.SQL && x.Place == y.Place }), err
}

// source is what was parsed.
type source struct {
	set      *token.FileSet
	root     string
	packages map[string]*pkg
	calls    []scope // of functions
	returns  map[string][]string
}

// pkg is a package of it.
type pkg struct {
	files     []*ast.File
	constants map[string]ast.Expr
	functions map[string]*ast.FuncDecl // without a receiver
	parts     map[string]bool          // constants of which longer texts are made
}

func (s *source) name(path string) string {
	name, err := filepath.Rel(s.root, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(name)
}

func (s *source) parse(path string) error {
	file, err := parser.ParseFile(s.set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p := s.packages[filepath.Dir(path)]
	if p == nil {
		p = &pkg{constants: map[string]ast.Expr{}, functions: map[string]*ast.FuncDecl{}, parts: map[string]bool{}}
		s.packages[filepath.Dir(path)] = p
	}
	p.files = append(p.files, file)
	for _, d := range file.Decls {
		p.noteParts(d)
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				p.functions[d.Name.Name] = d
			}
			in := scope{pkg: p, function: d}
			ast.Inspect(d, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					in.call = call
					s.calls = append(s.calls, in)
				}
				return true
			})
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.CONST && len(v.Values) == len(v.Names) {
					for i, name := range v.Names {
						p.constants[name.Name] = v.Values[i]
					}
				}
			}
		}
	}
	return nil
}

// noteParts notes what is joined to other texts, by its own name or by that of a
// variable.
func (p *pkg) noteParts(d ast.Decl) {
	function, _ := d.(*ast.FuncDecl)
	ast.Inspect(d, func(n ast.Node) bool {
		sum, ok := n.(*ast.BinaryExpr)
		if !ok || sum.Op != token.ADD {
			return true
		}
		for _, e := range []ast.Expr{sum.X, sum.Y} {
			name, ok := e.(*ast.Ident)
			if !ok {
				continue
			}
			p.parts[name.Name] = true
			if function == nil {
				continue
			}
			for _, value := range assigned(function, name.Name) {
				if of, ok := value.(*ast.Ident); ok {
					p.parts[of.Name] = true
				}
			}
		}
		return true
	})
}

func (s *source) statements() (list []Statement, err error) {
	for _, p := range s.packages {
		for _, file := range p.files {
			for _, d := range file.Decls {
				in := scope{pkg: p}
				in.function, _ = d.(*ast.FuncDecl)
				ast.Inspect(d, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.ValueSpec:
						return !p.parts[n.Names[0].Name]
					case *ast.AssignStmt:
						if name, ok := n.Rhs[0].(*ast.Ident); ok && p.parts[name.Name] {
							return false
						}
					}
					e, ok := n.(ast.Expr)
					if !ok || !s.beginsStatement(in, e) {
						return true
					}
					at := s.set.Position(e.Pos())
					place := fmt.Sprintf("%s:%d", s.name(at.Filename), at.Line)
					texts, why := s.texts(in, e, 0)
					if why != nil {
						err = errors.Join(err, fmt.Errorf("%s: %w", place, why))
					}
					for _, text := range texts {
						list = append(list, Statement{place, text})
					}
					return false
				})
			}
		}
	}
	return list, err
}

// beginsStatement reports whether an expression is a text whose first part
// begins a statement.
func (s *source) beginsStatement(in scope, e ast.Expr) bool {
	for {
		switch x := e.(type) {
		case *ast.BinaryExpr:
			e = x.X
		case *ast.CallExpr:
			if !isSprintf(x) || len(x.Args) == 0 {
				return false
			}
			e = x.Args[0]
		case *ast.BasicLit:
			text, ok := literal(x)
			return ok && isStatement(text)
		case *ast.Ident:
			value, ok := in.pkg.constants[x.Name]
			return ok && s.beginsStatement(scope{pkg: in.pkg}, value)
		default:
			return false
		}
	}
}

package importtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// root is the folder of the module: the tests run in internal/importtest.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("find the module's folder: %v", err)
	}
	return dir
}

// files lists the tree's files with one of the endings, as slash-separated
// paths below the root. What tests read and what git keeps is left out.
func files(t *testing.T, endings ...string) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(root(t)), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch entry.Name() {
			case ".git", "testdata", "node_modules":
				return fs.SkipDir
			}
			return nil
		}
		for _, ending := range endings {
			if strings.HasSuffix(name, ending) {
				found = append(found, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the tree: %v", err)
	}
	if len(found) == 0 {
		t.Fatalf("no file ends with %q", endings)
	}
	return found
}

// read returns a file's text.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// goFile is a parsed source file.
type goFile struct {
	path   string // below the root
	text   string
	syntax *ast.File
	fset   *token.FileSet
}

func parse(t *testing.T, name, text string) goFile {
	t.Helper()
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("parse %s: %v", name, err)
	}
	return goFile{path: name, text: text, syntax: syntax, fset: fset}
}

var parseOnce struct {
	sync.Once
	files []goFile
}

// goFiles parses every Go file of the module, once for all tests.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	parseOnce.Do(func() {
		for _, name := range files(t, ".go") {
			parseOnce.files = append(parseOnce.files, parse(t, name, read(t, name)))
		}
	})
	return parseOnce.files
}

func (f goFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f goFile) pkg() string { return path.Dir(f.path) }

func (f goFile) lines() int { return strings.Count(f.text, "\n") }

func (f goFile) line(node ast.Node) int { return f.fset.Position(node.Pos()).Line }

func (f goFile) imports() []string {
	var imported []string
	for _, spec := range f.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has made sure
		}
		imported = append(imported, name)
	}
	return imported
}

// Reads compose.yaml as Docker Compose does, and the Dockerfile as BuildKit does.
//
//	go run . COMPOSE_FILE DOCKERFILE
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(composeFile, dockerfile string) error {
	options, err := cli.NewProjectOptions([]string{composeFile},
		cli.WithName("shimmy"), cli.WithProfiles([]string{"*"}), cli.WithOsEnv)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	services, err := json.Marshal(project.Services)
	if err != nil {
		return err
	}

	file, err := os.Open(dockerfile)
	if err != nil {
		return err
	}
	defer file.Close()
	tree, err := parser.Parse(file)
	if err != nil {
		return err
	}
	warnings := []string{}
	lint := linter.New(&linter.Config{Warn: func(name, _, _, message string, _ []parser.Range) {
		warnings = append(warnings, name+": "+message)
	}})
	stages, _, err := instructions.Parse(tree.AST, lint)
	if err != nil {
		return err
	}
	names := []string{}
	for _, stage := range stages {
		names = append(names, stage.Name)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"services": json.RawMessage(services), "stages": names, "warnings": warnings,
	})
}

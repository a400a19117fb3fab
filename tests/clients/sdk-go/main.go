// Asks a registry through the AWS SDK for Go v2, and prints as JSON what the SDK made of the answers.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

type seen struct {
	Created       time.Time
	Uri           string
	AlreadyExists string
	NotFound      string
	Invalid       string
	Expires       time.Time
	Pages         [][]string
	EmptyTags     int
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	ctx := context.Background()
	prefix := os.Args[1]
	client := ecr.NewFromConfig(must(config.LoadDefaultConfig(ctx)))
	var out seen
	for _, name := range []string{"/a", "/b", "/c"} {
		made := must(client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String(prefix + name)}))
		out.Created, out.Uri = *made.Repository.CreatedAt, *made.Repository.RepositoryUri
	}
	var exists *types.RepositoryAlreadyExistsException
	_, err := client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String(prefix + "/a")})
	if errors.As(err, &exists) {
		out.AlreadyExists = exists.ErrorMessage()
	}
	var absent *types.RepositoryNotFoundException
	_, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"none/there"}})
	if errors.As(err, &absent) {
		out.NotFound = absent.ErrorMessage()
	}
	var invalid *types.InvalidParameterException
	_, err = client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("UPPER")})
	if errors.As(err, &invalid) {
		out.Invalid = invalid.ErrorMessage()
	}
	token := must(client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{}))
	out.Expires = *token.AuthorizationData[0].ExpiresAt
	pages := ecr.NewDescribeRepositoriesPaginator(client, &ecr.DescribeRepositoriesInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		var names []string
		for _, each := range must(pages.NextPage(ctx)).Repositories {
			names = append(names, *each.RepositoryName)
		}
		out.Pages = append(out.Pages, names)
	}
	must(0, json.NewEncoder(os.Stdout).Encode(out))
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/workflows"
)

// ensureSearchAttributes registers the search attributes that the namespace lacks: a workflow that names
// an unknown one cannot start. Where that is not ours to do, as in Temporal Cloud, it says which are needed.
func ensureSearchAttributes(ctx context.Context, c client.Client, namespace string, log *slog.Logger) error {
	err := addSearchAttributes(ctx, c, namespace)
	var denied *serviceerror.PermissionDenied
	var unknown *serviceerror.Unimplemented
	if errors.As(err, &denied) || errors.As(err, &unknown) {
		var names []string
		for _, attribute := range workflows.SearchAttributes() {
			names = append(names, attribute.GetName())
		}
		log.Warn("this namespace's search attributes are for its owner to add, of the type Keyword", "search_attributes", names, "error", err)
		return nil
	}
	return err
}

func addSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	const longest = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	known, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list search attributes of namespace %s: %w", namespace, err)
	}
	missing := map[string]enums.IndexedValueType{}
	for _, attribute := range workflows.SearchAttributes() {
		if _, ok := known.GetCustomAttributes()[attribute.GetName()]; !ok {
			missing[attribute.GetName()] = attribute.GetValueType()
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: missing,
	})
	if err != nil {
		return fmt.Errorf("add search attributes to namespace %s: %w", namespace, err)
	}
	return nil
}

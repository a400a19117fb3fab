import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.ecr.EcrClient;
import software.amazon.awssdk.services.ecr.model.*;

/** Asks a registry through the AWS SDK for Java 2, and prints as lines of `name=value` what the SDK made of the answers. */
class Asks {
    public static void main(String[] words) {
        String prefix = words[0];
        try (EcrClient ecr = EcrClient.builder().httpClient(UrlConnectionHttpClient.create()).build()) {
            for (String name : List.of("/a", "/b", "/c")) {
                Repository made = ecr.createRepository(r -> r.repositoryName(prefix + name)).repository();
                System.out.println("created=" + made.createdAt().getEpochSecond());
                System.out.println("uri=" + made.repositoryUri());
            }
            try {
                ecr.createRepository(r -> r.repositoryName(prefix + "/a"));
            } catch (RepositoryAlreadyExistsException error) {
                System.out.println("exists=" + error.awsErrorDetails().errorMessage());
            }
            try {
                ecr.describeRepositories(r -> r.repositoryNames("none/there"));
            } catch (RepositoryNotFoundException error) {
                System.out.println("absent=" + error.awsErrorDetails().errorMessage());
                System.out.println("requestId=" + error.requestId());
            }
            try {
                ecr.createRepository(r -> r.repositoryName("UPPER"));
            } catch (InvalidParameterException error) {
                System.out.println("invalid=" + error.awsErrorDetails().errorMessage());
            }
            System.out.println("expires=" + ecr.getAuthorizationToken().authorizationData().get(0).expiresAt().getEpochSecond());
            List<Integer> sizes = new ArrayList<>();
            for (DescribeRepositoriesResponse page : ecr.describeRepositoriesPaginator(r -> r.maxResults(2))) {
                sizes.add(page.repositories().size());
            }
            System.out.println("pages=" + sizes);
            System.out.println("tags=" + ecr.listTagsForResource(r -> r.resourceArn(
                ecr.describeRepositories(d -> d.repositoryNames(prefix + "/a")).repositories().get(0).repositoryArn())).tags().size());
        }
    }
}

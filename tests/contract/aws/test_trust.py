"""Who may take a role: trust policies and the caller's own policies, through boto3."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.aws.credentials import ALLOW, Keys, User, fresh, new_role, refusal
from tests.contract.aws.door import ACCOUNT


def assume(sts: Any, role: dict[str, Any], **members: Any) -> Keys:
    """A session of the role."""
    return Keys.of(sts.assume_role(RoleArn=role["Arn"], RoleSessionName="ci", **members))


def not_authorized(who: str, role: dict[str, Any], action: str = "sts:AssumeRole") -> str:
    """How AWS's sentence begins."""
    return f"User: {who} is not authorized to perform: {action} on resource: {role['Arn']}"


@pytest.fixture
def nobody(iam: Any, power_user: User) -> User:
    """The user without any policy."""
    iam.delete_user_policy(UserName=power_user.name, PolicyName="all")
    return power_user


def test_a_user_that_the_trust_policy_names_needs_no_policy_of_its_own(client_of: Any, iam: Any, nobody: User) -> None:
    role = new_role(iam, {"AWS": nobody.arn})
    keys = assume(client_of("sts", nobody.keys), role)
    assert client_of("ecr", keys).describe_repositories()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_account_that_is_trusted_decides_itself_who_takes_the_role(client_of: Any, iam: Any, nobody: User) -> None:
    role = new_role(iam, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    sts = client_of("sts", nobody.keys)
    status, code, message = refusal(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="ci")
    assert (status, code) == (403, "AccessDenied") and message.startswith(not_authorized(nobody.arn, role))
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role["Arn"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": allow})
    iam.put_user_policy(UserName=nobody.name, PolicyName="take", PolicyDocument=document)
    assert assume(sts, role).id.startswith("ASIA")


def test_whoever_may_do_everything_may_not_take_a_role_that_trusts_somebody_else(
    client_of: Any, iam: Any, power_user: User
) -> None:
    for principal in ({"Service": "ec2.amazonaws.com"}, {"AWS": "111122223333"}):
        role = new_role(iam, principal)
        message = refusal(client_of("sts", power_user.keys).assume_role, RoleArn=role["Arn"], RoleSessionName="ci")[2]
        assert message.startswith(not_authorized(power_user.arn, role))


def test_a_role_that_is_not_there_answers_like_one_that_may_not_be_taken(client_of: Any, power_user: User) -> None:
    for account in (ACCOUNT, "111122223333"):
        role = {"Arn": f"arn:aws:iam::{account}:role/nothing"}
        refused = refusal(client_of("sts", power_user.keys).assume_role, RoleArn=role["Arn"], RoleSessionName="ci")
        assert refused[:2] == (403, "AccessDenied") and refused[2].startswith(not_authorized(power_user.arn, role))


@pytest.mark.parametrize(
    ("condition", "right", "wrong"),
    [
        ({"StringEquals": {"sts:ExternalId": "secret"}}, {"ExternalId": "secret"}, [{}, {"ExternalId": "Secret"}]),
        ({"StringLike": {"sts:RoleSessionName": "c?"}}, {}, [{"RoleSessionName": "other"}]),
        ({"StringEquals": {"sts:SourceIdentity": "alice"}}, {"SourceIdentity": "alice"}, [{}, {"SourceIdentity": "bob"}]),
        (
            {"StringEquals": {"aws:RequestTag/team": "a"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
            {"Tags": [{"Key": "team", "Value": "a"}]},
            [
                {},
                {"Tags": [{"Key": "team", "Value": "b"}]},
                {"Tags": [{"Key": "team", "Value": "a"}, {"Key": "x", "Value": ""}]},
            ],
        ),
        (
            {"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "team"}},
            {"Tags": [{"Key": "team", "Value": "a"}], "TransitiveTagKeys": ["team"]},
            [{"Tags": [{"Key": "team", "Value": "a"}]}],
        ),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {}, []),
    ],
)
def test_conditions_of_a_trust_policy_read_the_request(
    client_of: Any,
    iam: Any,
    power_user: User,
    condition: Any,
    right: dict[str, Any],
    wrong: list[dict[str, Any]],
) -> None:
    role = new_role(iam, {"AWS": power_user.arn}, Action="sts:*", Condition=condition)
    sts = client_of("sts", power_user.keys)
    assert assume(sts, role, **right).id.startswith("ASIA")
    for members in wrong:
        given = {"RoleArn": role["Arn"], "RoleSessionName": "ci", **members}
        assert refusal(sts.assume_role, **given)[:2] == (403, "AccessDenied")


def test_tags_of_a_session_need_the_right_to_tag_it(client_of: Any, iam: Any, power_user: User) -> None:
    role = new_role(iam, {"AWS": power_user.arn}, Action="sts:AssumeRole")
    sts = client_of("sts", power_user.keys)
    assume(sts, role)
    tags = [{"Key": "team", "Value": "a"}]
    message = refusal(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="ci", Tags=tags)[2]
    assert message.startswith(not_authorized(power_user.arn, role, "sts:TagSession"))


def test_the_tags_of_a_session_count_as_its_principals(client_of: Any, iam: Any, power_user: User) -> None:
    only = {"StringEquals": {"aws:PrincipalTag/team": "a"}}
    allow = {"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*", "Condition": only}
    role = new_role(iam, {"AWS": power_user.arn}, allow=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    sts = client_of("sts", power_user.keys)
    tagged = assume(sts, role, Tags=[{"Key": "Team", "Value": "a"}])
    assert client_of("ecr", tagged).describe_repositories()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert refusal(client_of("ecr", assume(sts, role)).describe_repositories)[1] == "AccessDeniedException"


def test_session_policies_only_take_away(client_of: Any, iam: Any, power_user: User) -> None:
    role = new_role(iam, {"AWS": power_user.arn})
    sts = client_of("sts", power_user.keys)
    read = [{"arn": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"}]
    keys = assume(sts, role, PolicyArns=read)
    assert client_of("ecr", keys).describe_repositories()["ResponseMetadata"]["HTTPStatusCode"] == 200
    refused = refusal(client_of("ecr", keys).create_repository, repositoryName="no")
    assert refused[1] == "AccessDeniedException" and "because no session policy allows" in refused[2]
    little = new_role(iam, {"AWS": power_user.arn}, allow=None)
    wide = assume(sts, little, Policy=ALLOW)
    refused = refusal(client_of("ecr", wide).describe_repositories)
    assert "because no identity-based policy allows" in refused[2]


def test_a_managed_session_policy_counts_as_it_is_now(client_of: Any, iam: Any, power_user: User) -> None:
    role = new_role(iam, {"AWS": power_user.arn})
    name = f"policy-{role['RoleName']}"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=ALLOW)["Policy"]["Arn"]
    keys = assume(client_of("sts", power_user.keys), role, PolicyArns=[{"arn": arn}])
    assert client_of("ecr", keys).describe_repositories()["ResponseMetadata"]["HTTPStatusCode"] == 200
    deny = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}})
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=deny, SetAsDefault=True)
    refused = refusal(client_of("ecr", keys).describe_repositories)
    assert refused[2].endswith("with an explicit deny in a session policy")


def test_a_permission_that_is_removed_is_gone_from_sessions_too(client_of: Any, iam: Any, power_user: User) -> None:
    role = new_role(iam, {"AWS": power_user.arn})
    keys = assume(client_of("sts", power_user.keys), role)
    assert client_of("ecr", keys).describe_repositories()["ResponseMetadata"]["HTTPStatusCode"] == 200
    iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="all")
    assert refusal(client_of("ecr", keys).describe_repositories)[1] == "AccessDeniedException"


def test_a_user_that_is_made_again_is_not_trusted_again(client_of: Any, iam: Any, power_user: User) -> None:
    role = new_role(iam, {"AWS": power_user.arn})
    assume(client_of("sts", power_user.keys), role)
    iam.delete_access_key(UserName=power_user.name, AccessKeyId=power_user.keys.id)
    iam.delete_user_policy(UserName=power_user.name, PolicyName="all")
    iam.delete_user(UserName=power_user.name)
    iam.create_user(UserName=power_user.name)
    iam.put_user_policy(UserName=power_user.name, PolicyName="all", PolicyDocument=ALLOW)
    key = iam.create_access_key(UserName=power_user.name)["AccessKey"]
    sts = client_of("sts", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    message = refusal(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="ci")[2]
    assert message.startswith(not_authorized(power_user.arn, role))


def test_a_role_takes_another_for_an_hour_at_most(client_of: Any, iam: Any, power_user: User) -> None:
    first = new_role(iam, {"AWS": power_user.arn})
    second = new_role(iam, {"AWS": first["Arn"]}, allow=None)
    iam.update_role(RoleName=second["RoleName"], MaxSessionDuration=43_200)
    keys = assume(client_of("sts", power_user.keys), first)
    sts = client_of("sts", keys)
    answer = sts.assume_role(RoleArn=second["Arn"], RoleSessionName="next")
    assert answer["AssumedRoleUser"]["Arn"].endswith(f"assumed-role/{second['RoleName']}/next")
    refused = refusal(sts.assume_role, RoleArn=second["Arn"], RoleSessionName="next", DurationSeconds=3601)
    assert refused[1] == "ValidationError" and "1 hour session limit for roles assumed by role chaining" in refused[2]
    assert refusal(sts.get_session_token)[1] == refusal(sts.get_federation_token, Name="bob")[1] == "AccessDenied"


def test_a_federated_user_without_policies_may_nothing(client_of: Any, power_user: User) -> None:
    sts = client_of("sts", power_user.keys)
    bare = client_of("ecr", Keys.of(sts.get_federation_token(Name="bob")))
    assert refusal(bare.describe_repositories)[1] == "AccessDeniedException"
    wide = Keys.of(sts.get_federation_token(Name="bob", Policy=ALLOW))
    refused = refusal(client_of("sts", wide).assume_role, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/any", RoleSessionName="ci")
    assert refused == (403, "AccessDenied", "Cannot call AssumeRole with session credentials")


def test_asking_for_a_federated_user_needs_the_right_to(client_of: Any, iam: Any, nobody: User) -> None:
    refused = refusal(client_of("sts", nobody.keys).get_federation_token, Name="bob")
    resource = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
    told = f"User: {nobody.arn} is not authorized to perform: sts:GetFederationToken on resource: {resource}"
    assert refused[1] == "AccessDenied" and refused[2].startswith(told)
    assert client_of("sts", nobody.keys).get_session_token()["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert client_of("sts", nobody.keys).get_caller_identity()["Arn"] == nobody.arn


def test_passing_a_role_needs_the_right_to_pass_it(client_of: Any, iam: Any, power_user: User) -> None:
    role = new_role(iam, {"Service": "ec2.amazonaws.com"})
    profile = f"profile-{role['RoleName']}"
    iam.create_instance_profile(InstanceProfileName=profile)
    only = {"Effect": "Allow", "Action": "iam:AddRoleToInstanceProfile", "Resource": "*"}
    iam.put_user_policy(
        UserName=power_user.name, PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": only})
    )
    theirs = client_of("iam", power_user.keys)
    refused = refusal(theirs.add_role_to_instance_profile, InstanceProfileName=profile, RoleName=role["RoleName"])
    told = f"User: {power_user.arn} is not authorized to perform: iam:PassRole on resource: {role['Arn']}"
    assert refused[1] == "AccessDenied" and refused[2].startswith(told)
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role["Arn"]}
    passing["Condition"] = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [only, passing]})
    iam.put_user_policy(UserName=power_user.name, PolicyName="all", PolicyDocument=document)
    theirs.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role["RoleName"])


def test_a_user_cannot_lift_itself_over_its_boundary_by_a_role(client_of: Any, iam: Any, power_user: User) -> None:
    only = {"Effect": "Allow", "Action": ["sts:*", "iam:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": only})
    arn = iam.create_policy(PolicyName=f"boundary-{power_user.name}", PolicyDocument=document)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=power_user.name, PermissionsBoundary=arn)
    must = {"StringEquals": {"iam:PermissionsBoundary": arn}}
    making = {"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "*", "Condition": must}
    document = json.dumps({"Version": "2012-10-17", "Statement": making})
    iam.put_user_policy(UserName=power_user.name, PolicyName="all", PolicyDocument=document)
    theirs = client_of("iam", power_user.keys)
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": {"AWS": power_user.arn}, "Action": "sts:AssumeRole"},
        }
    )
    name = f"made-by-{power_user.name}"
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    made = theirs.create_role(RoleName=name, AssumeRolePolicyDocument=trust, PermissionsBoundary=arn)["Role"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn


def test_a_role_of_another_account_needs_both_sides(client_of: Any, iam: Any, other_iam: Any) -> None:
    arn = other_iam.create_user(UserName="taker")["User"]["Arn"]
    key = other_iam.create_access_key(UserName="taker")["AccessKey"]
    sts = client_of("sts", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    role = new_role(iam, {"AWS": arn})
    refused = refusal(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="ci")
    assert refused[1] == "AccessDenied" and refused[2].startswith(not_authorized(arn, role))
    other_iam.put_user_policy(UserName="taker", PolicyName="all", PolicyDocument=ALLOW)
    who = client_of("sts", assume(sts, role)).get_caller_identity()
    assert (who["Account"], who["UserId"]) == (ACCOUNT, f"{role['RoleId']}:ci")
    private = new_role(iam, {"AWS": ACCOUNT})
    assert refusal(sts.assume_role, RoleArn=private["Arn"], RoleSessionName="ci")[1] == "AccessDenied"
    theirs = other_iam.create_policy(PolicyName="theirs", PolicyDocument=ALLOW)["Policy"]["Arn"]
    policies = [{"arn": theirs}]
    assert refusal(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="ci", PolicyArns=policies)[1] == "ValidationError"


def test_a_role_with_tags_needs_the_right_to_tag_it(client_of: Any, iam: Any, power_user: User) -> None:
    making = {"Effect": "Allow", "Action": ["iam:CreateRole", "iam:CreateInstanceProfile"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": making})
    iam.put_user_policy(UserName=power_user.name, PolicyName="all", PolicyDocument=document)
    theirs, name, tags = client_of("iam", power_user.keys), f"of-{power_user.name}", [{"Key": "a", "Value": "b"}]
    trust = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
    )
    refused = refusal(theirs.create_role, RoleName=name, AssumeRolePolicyDocument=trust, Tags=tags)
    assert "iam:TagRole" in refused[2]
    assert "iam:TagInstanceProfile" in refusal(theirs.create_instance_profile, InstanceProfileName=name, Tags=tags)[2]
    assert theirs.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["RoleName"] == name


@pytest.mark.parametrize("service", ["replication.ecr.amazonaws.com", "pullthroughcache.ecr.amazonaws.com"])
def test_a_services_role_is_made_by_whoever_may_make_this_one(client_of: Any, iam: Any, power_user: User, service: str) -> None:
    resource = f"arn:aws:iam::*:role/aws-service-role/{service}/*"
    making = {"Effect": "Allow", "Action": ["iam:*ServiceLinkedRole*"], "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": making})
    iam.put_user_policy(UserName=power_user.name, PolicyName="all", PolicyDocument=document)
    theirs = client_of("iam", power_user.keys)
    assert refusal(theirs.create_service_linked_role, AWSServiceName="ecr.amazonaws.com")[1] == "AccessDenied"
    name = theirs.create_service_linked_role(AWSServiceName=service)["Role"]["RoleName"]
    task = theirs.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert theirs.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_a_trust_policy_shows_new_names_and_ids_of_its_own_account_only(
    iam: Any, other_iam: Any, client_of: Any, nobody: User
) -> None:
    name = fresh("hidden")
    hidden = other_iam.create_user(UserName=name)["User"]
    role = new_role(iam, {"AWS": [nobody.arn, hidden["Arn"]]})

    def shown() -> Any:
        document = iam.get_role(RoleName=role["RoleName"])["Role"]["AssumeRolePolicyDocument"]
        return document["Statement"][0]["Principal"]["AWS"]

    iam.update_user(UserName=nobody.name, NewUserName=f"{nobody.name}-new")
    other_iam.update_user(UserName=name, NewUserName=f"{name}-secret")
    assert shown() == [f"{nobody.arn}-new", hidden["Arn"]]
    assert assume(client_of("sts", nobody.keys), role).id.startswith("ASIA")
    other_iam.delete_user(UserName=f"{name}-secret")
    assert shown() == [f"{nobody.arn}-new", hidden["Arn"]]
    statement = {"Effect": "Allow", "Principal": {"AWS": hidden["UserId"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    refused = refusal(iam.update_assume_role_policy, RoleName=role["RoleName"], PolicyDocument=document)
    assert refused[:2] == (400, "MalformedPolicyDocument")

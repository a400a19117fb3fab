"""IAM as Terraform's users write it: everything with its arguments, and the same changed in place."""


def access(*, changed: bool = False) -> str:
    """Users, groups, roles, policies, providers; `changed` in everything that can be changed in place."""
    values = {
        "@TAGS@": '{ team = "blue", cost = "7" }' if changed else '{ team = "red", empty = "" }',
        "@PATH@": "/ci/changed/" if changed else "/ci/",
        "@ACTION@": "ecr:BatchGetImage" if changed else "ecr:PutImage",
        "@SECONDS@": "7200" if changed else "3600",
        "@DESCRIPTION@": "changed" if changed else "made by Terraform",
        "@STATUS@": "Inactive" if changed else "Active",
        "@CLIENTS@": '["sts.amazonaws.com", "other"]' if changed else '["sts.amazonaws.com"]',
        "@BOUNDARY@": "AmazonEC2ContainerRegistryReadOnly" if changed else "AmazonEC2ContainerRegistryPowerUser",
        "@SUBJECT@": "repo:team/app:*" if changed else "repo:team/app:ref:refs/heads/main",
    }
    text = _ACCESS
    for name, value in values.items():
        text = text.replace(name, value)
    return text


IMPORTS = {
    "aws_iam_user.ci": "terraform-ci",
    "aws_iam_group.builders": "terraform-builders",
    "aws_iam_role.push": "terraform-push",
    "aws_iam_policy.push": "arn:aws:iam::123456789012:policy/terraform/terraform-push",
    "aws_iam_instance_profile.push": "terraform-push",
    "aws_iam_openid_connect_provider.github": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
    "aws_iam_user_policy.inline": "terraform-ci:inline",
    "aws_iam_role_policy.inline": "terraform-push:inline",
    "aws_iam_group_policy.inline": "terraform-builders:inline",
    "aws_iam_user_policy_attachment.read": "terraform-ci/arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
}

_ACCESS = """
data "aws_iam_policy_document" "push" {
  statement {
    sid       = "Push"
    actions   = ["@ACTION@", "ecr:GetAuthorizationToken"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = ["red", "blue"]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["@SUBJECT@"]
    }
  }
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.ci.arn]
    }
  }
}

data "aws_iam_policy" "boundary" {
  arn = "arn:aws:iam::aws:policy/@BOUNDARY@"
}

resource "aws_iam_openid_connect_provider" "github" {
  url             = "https://token.actions.githubusercontent.com"
  client_id_list  = @CLIENTS@
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
  tags            = @TAGS@
}

resource "aws_iam_user" "ci" {
  name                 = "terraform-ci"
  path                 = "/ci/"
  permissions_boundary = data.aws_iam_policy.boundary.arn
  force_destroy        = true
  tags                 = @TAGS@
}

resource "aws_iam_access_key" "ci" {
  user   = aws_iam_user.ci.name
  status = "@STATUS@"
}

resource "aws_iam_user_login_profile" "ci" {
  user            = aws_iam_user.ci.name
  password_length = 24
}

resource "aws_iam_group" "builders" {
  name = "terraform-builders"
  path = "@PATH@"
}

resource "aws_iam_user_group_membership" "ci" {
  user   = aws_iam_user.ci.name
  groups = [aws_iam_group.builders.name]
}

resource "aws_iam_role" "push" {
  name                 = "terraform-push"
  path                 = "/terraform/"
  description          = "@DESCRIPTION@"
  max_session_duration = @SECONDS@
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = data.aws_iam_policy.boundary.arn
  tags                 = @TAGS@
}

resource "aws_iam_policy" "push" {
  name        = "terraform-push"
  path        = "/terraform/"
  description = "made by Terraform"
  policy      = data.aws_iam_policy_document.push.json
  tags        = @TAGS@
}

resource "aws_iam_role_policy_attachment" "push" {
  role       = aws_iam_role.push.name
  policy_arn = aws_iam_policy.push.arn
}

resource "aws_iam_user_policy_attachment" "read" {
  user       = aws_iam_user.ci.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
}

resource "aws_iam_group_policy_attachment" "push" {
  group      = aws_iam_group.builders.name
  policy_arn = aws_iam_policy.push.arn
}

resource "aws_iam_user_policy" "inline" {
  name   = "inline"
  user   = aws_iam_user.ci.name
  policy = data.aws_iam_policy_document.push.json
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.push.id
  policy = data.aws_iam_policy_document.push.json
}

resource "aws_iam_group_policy" "inline" {
  name   = "inline"
  group  = aws_iam_group.builders.name
  policy = data.aws_iam_policy_document.push.json
}

resource "aws_iam_instance_profile" "push" {
  name = "terraform-push"
  path = "/terraform/"
  role = aws_iam_role.push.name
  tags = @TAGS@
}

resource "aws_iam_service_linked_role" "replication" {
  aws_service_name = "replication.ecr.amazonaws.com"
}

resource "aws_iam_account_alias" "it" {
  account_alias = "terraform-harbour"
}

resource "aws_ecr_repository" "guarded" {
  name = "terraform/guarded"
}

resource "aws_ecr_repository_policy" "guarded" {
  repository = aws_ecr_repository.guarded.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = [aws_iam_user.ci.arn, aws_iam_role.push.arn] }
      Action    = ["@ACTION@"]
    }]
  })
}
"""

DATA = """
data "aws_caller_identity" "it" {}
data "aws_iam_user" "it" {
  user_name = "terraform-ci"
}
data "aws_iam_role" "it" {
  name = "terraform-push"
}
data "aws_iam_group" "it" {
  group_name = "terraform-builders"
}
data "aws_iam_policy" "managed" {
  name = "AmazonEC2ContainerRegistryPullOnly"
}
data "aws_iam_session_context" "it" {
  arn = data.aws_caller_identity.it.arn
}
data "aws_iam_principal_policy_simulation" "it" {
  action_names      = ["ecr:PutImage", "ecr:DeleteRepository"]
  policy_source_arn = data.aws_iam_user.it.arn
}

output "read" {
  value = {
    caller  = data.aws_caller_identity.it.arn
    user    = data.aws_iam_user.it.arn
    role    = data.aws_iam_role.it.arn
    members = [for each in data.aws_iam_group.it.users : each.user_name]
    managed = data.aws_iam_policy.managed.arn
    allowed = { for each in data.aws_iam_principal_policy_simulation.it.results : each.action_name => each.decision }
  }
}
"""
"""What only reads, once everything is there."""

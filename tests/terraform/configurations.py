"""The configurations that are applied: everything with its arguments, the same changed in place, and what only reads."""

HEAD = """\
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
"""

BY_NAMES = HEAD + 'provider "aws" {\n  region = "us-east-1"\n  skip_metadata_api_check = "true"\n}\n'
"""For a server in Amazon's place: nothing in it speaks of Moorage."""


def by_endpoints(url: str) -> str:
    """For a server at another address."""
    return f"""{HEAD}
provider "aws" {{
  region                  = "us-east-1"
  skip_metadata_api_check = "true"
  endpoints {{
    ecr = "{url}"
    iam = "{url}"
    sts = "{url}"
  }}
}}
"""


def resources(*, changed: bool = False) -> str:
    """Every resource of ECR's own state; `changed` in everything that can be changed in place."""
    values = {
        "@MUTABILITY@": "MUTABLE" if changed else "IMMUTABLE",
        "@SCAN@": "false" if changed else "true",
        "@TAGS@": '{ team = "blue", cost = "7" }' if changed else '{ team = "red", empty = "" }',
        "@DELETE@": "true" if changed else "false",
        "@ACTIONS@": '["ecr:BatchGetImage"]' if changed else '["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]',
        "@SID@": "other" if changed else "first",
        "@SCANNING@": _SCANNING_CHANGED if changed else _SCANNING,
        "@DESCRIPTION@": "changed" if changed else "made by Terraform",
        "@APPLIED@": '["PULL_THROUGH_CACHE"]' if changed else '["PULL_THROUGH_CACHE", "REPLICATION"]',
        "@SCOPE@": "V1" if changed else "V2",
    }
    text = _RESOURCES
    for name, value in values.items():
        text = text.replace(name, value)
    return text


_SCANNING = """\
  scan_type = "BASIC"
  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "team/*"
      filter_type = "WILDCARD"
    }
    repository_filter {
      filter      = "prod*"
      filter_type = "WILDCARD"
    }
  }
"""
_SCANNING_CHANGED = """\
  scan_type = "BASIC"
  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "*"
      filter_type = "WILDCARD"
    }
  }
"""
ENHANCED = """
resource "aws_ecr_registry_scanning_configuration" "it" {
  scan_type = "ENHANCED"
  rule {
    scan_frequency = "CONTINUOUS_SCAN"
    repository_filter {
      filter      = "*"
      filter_type = "WILDCARD"
    }
  }
  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "team/*"
      filter_type = "WILDCARD"
    }
  }
}
"""
"""Applied after the others, which it ends: while it is in force, repositories have no scan setting of their own."""
_RESOURCES = """
resource "aws_ecr_repository" "full" {
  name                 = "terraform/full"
  image_tag_mutability = "@MUTABILITY@"
  force_delete         = @DELETE@
  tags                 = @TAGS@
  image_scanning_configuration { scan_on_push = @SCAN@ }
  encryption_configuration { encryption_type = "AES256" }
}

resource "aws_ecr_repository" "plain" {
  name = "terraform/plain"
}

resource "aws_ecr_repository" "kms" {
  name = "terraform/kms"
  encryption_configuration { encryption_type = "KMS" }
}

resource "aws_ecr_repository" "own_key" {
  name = "terraform/own-key"
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

resource "aws_ecr_repository_policy" "it" {
  repository = aws_ecr_repository.full.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "@SID@"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::210987654321:root"] }
      Action    = @ACTIONS@
    }]
  })
}

resource "aws_ecr_registry_policy" "it" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "@SID@"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::210987654321:root" }
      Action    = ["ecr:ReplicateImage"]
      Resource  = ["arn:aws:ecr:us-east-1:123456789012:repository/*"]
    }]
  })
}

resource "aws_ecr_registry_scanning_configuration" "it" {
@SCANNING@
}

resource "aws_ecr_repository_creation_template" "it" {
  prefix               = "terraform-template"
  description          = "@DESCRIPTION@"
  image_tag_mutability = "@MUTABILITY@"
  applied_for          = @APPLIED@
  custom_role_arn      = "arn:aws:iam::123456789012:role/templates"
  resource_tags        = @TAGS@
  encryption_configuration { encryption_type = "AES256" }
  repository_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "@SID@"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::210987654321:root" }
      Action    = @ACTIONS@
    }]
  })
  lifecycle_policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "@DESCRIPTION@"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository_creation_template" "root" {
  prefix      = "ROOT"
  applied_for = ["REPLICATION"]
}

resource "aws_ecr_account_setting" "scope" {
  name  = "REGISTRY_POLICY_SCOPE"
  value = "@SCOPE@"
}

resource "aws_ecr_account_setting" "scanning" {
  name  = "BASIC_SCAN_TYPE_VERSION"
  value = "AWS_NATIVE"
}
"""

IMPORTS = {
    "aws_ecr_repository.full": "terraform/full",
    "aws_ecr_repository.plain": "terraform/plain",
    "aws_ecr_repository.kms": "terraform/kms",
    "aws_ecr_repository.own_key": "terraform/own-key",
    "aws_ecr_repository_policy.it": "terraform/full",
    "aws_ecr_registry_policy.it": "123456789012",
    "aws_ecr_registry_scanning_configuration.it": "123456789012",
    "aws_ecr_repository_creation_template.it": "terraform-template",
    "aws_ecr_repository_creation_template.root": "ROOT",
    "aws_ecr_account_setting.scope": "REGISTRY_POLICY_SCOPE",
    "aws_ecr_account_setting.scanning": "BASIC_SCAN_TYPE_VERSION",
}
"""What `terraform import` is given, by address."""

DATA = """
data "aws_ecr_repository" "it" {
  name = "terraform/data"
}

data "aws_ecr_repositories" "all" {}

data "aws_ecr_image" "tagged" {
  repository_name = "terraform/data"
  image_tag       = "1"
}

data "aws_ecr_image" "newest" {
  repository_name = "terraform/data"
  most_recent     = true
}

data "aws_ecr_authorization_token" "it" {}

data "aws_caller_identity" "it" {}

output "repository" { value = data.aws_ecr_repository.it }
output "repositories" { value = data.aws_ecr_repositories.all.names }
output "tagged" { value = data.aws_ecr_image.tagged }
output "newest" { value = data.aws_ecr_image.newest }
output "account" { value = data.aws_caller_identity.it.account_id }
output "user" { value = data.aws_ecr_authorization_token.it.user_name }
output "proxy" { value = data.aws_ecr_authorization_token.it.proxy_endpoint }
"""

TEMPLATE_DATA = """
data "aws_ecr_repository_creation_template" "it" {
  prefix = aws_ecr_repository_creation_template.it.prefix
}

output "template" { value = data.aws_ecr_repository_creation_template.it }
"""

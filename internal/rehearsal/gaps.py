"""What the emulator lacks of AWS, by rule: each function fills one gap of the pinned ministack.

fill_gaps is called once, before the accounts answer.
"""

import hashlib
import json
import types

PUBLIC = "/aws/service/"


def image_id(name):
    """Return the id of an image that is the same for a name whenever and wherever it is asked for."""
    return "ami-" + hashlib.sha256(name.encode()).hexdigest()[:17]


def public_value(name):
    """Return the value of a public SSM parameter. AWS has thousands, whose values change; ministack has two.

    Those of images name an image: /aws/service/ami-…, …/image_id, …/ami-id and the description of one, …/recommended.
    """
    last = name.rpartition("/")[2]
    if last == "recommended":
        return json.dumps({"image_id": image_id(name + "/image_id"), "image_name": "stand-in", "schema_version": 1})
    if name.startswith(PUBLIC + "ami-") or last in ("image_id", "ami-id") or "/ami/" in name:
        return image_id(name)
    return last or name


def fill_public_parameters(ssm):
    """Let every public parameter have a value, as each account can read it."""
    known = ssm._public_parameter

    def public_parameter(name):
        if parameter := known(name):
            return parameter
        if not name.startswith(PUBLIC):
            return None
        return {
            "Name": name, "Type": "String", "Value": public_value(name), "Version": 1,
            "LastModifiedDate": 1728518400, "ARN": f"arn:aws:ssm:{ssm.get_region()}::parameter{name}",
        }

    ssm._public_parameter = public_parameter


def accept_role_names(glue):
    """Let a crawler name its role without an ARN.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_CreateCrawler.html
    """
    create = glue._create_crawler

    def create_crawler(data):
        role = data.get("Role", "")
        if not role or ":" in role:
            return create(data)
        # The role is looked for by its name; the account in its ARN does not matter.
        answer = create({**data, "Role": f"arn:aws:iam::000000000000:role/{role}"})
        if crawler := glue._crawlers.get(data.get("Name")):
            crawler["Role"] = role
        return answer

    glue._create_crawler = create_crawler


def export_from_nested_stacks(cloudformation, provisioners, stacks):
    """Let other stacks import what a nested stack exports."""
    deploy = provisioners._cfn_nested_stack_deploy

    def deploy_nested_stack(*args, **kwargs):
        stack_id, attributes = deploy(*args, **kwargs)
        stack = next(s for s in cloudformation._stacks.values() if s["StackId"] == stack_id)
        template = stack["_template"]
        stack["Outputs"], exports = stacks._resolve_stack_outputs(
            template.get("Outputs", {}), stack["_conditions"], stack["_resources"], stack["_resolved_params"],
            template.get("Mappings", {}), stack["StackName"], stack_id,
        )
        for name in [name for name, export in cloudformation._exports.items() if export["StackId"] == stack_id]:
            del cloudformation._exports[name]
        cloudformation._exports.update(exports)
        return stack_id, attributes

    provisioners._cfn_nested_stack_deploy = deploy_nested_stack


def save_at_once(persistence):
    """Let the state of a service be encoded as a whole, which takes a small part of the time that pieces take."""
    def dump(value, file, **options):
        file.write(json.dumps(value, **options))

    persistence.json = types.SimpleNamespace(**{**vars(json), "dump": dump})


def fill_gaps():
    from ministack.core import persistence
    from ministack.services import cloudformation, glue, ssm
    from ministack.services.cloudformation import provisioners, stacks

    fill_public_parameters(ssm)
    accept_role_names(glue)
    export_from_nested_stacks(cloudformation, provisioners, stacks)
    save_at_once(persistence)

"""What the emulator lacks of AWS, by rule: each function fills one gap of the pinned ministack.

fill_gaps is called once, before the accounts answer.
"""

import hashlib
import json

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
            "Name": name, "Type": "String", "Value": public_value(name), "Version": 1, "LastModifiedDate": 1728518400,
            "ARN": f"arn:aws:ssm:{ssm.get_region()}::parameter{name}",
        }

    ssm._public_parameter = public_parameter


def fill_gaps():
    from ministack.services import ssm

    fill_public_parameters(ssm)

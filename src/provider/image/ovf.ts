/** What an OVF descriptor says of our machine. */
export interface OvfOptions {
  /** The VMDK's file name, beside the descriptor. */
  readonly disk: string;
  /** Bytes. */
  readonly diskSize: number;
}

/**
 * The description of the machine for VirtualBox: a PIIX4 IDE controller (the kernel has a driver for no other of
 * VirtualBox's), one disk, one card with NAT. Vagrant sets memory and processors.
 */
export function ovfDescriptor({ disk, diskSize }: OvfOptions): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope ovf:version="1.0" xml:lang="en-US" xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <References>
    <File ovf:href="${disk}" ovf:id="file1"/>
  </References>
  <DiskSection>
    <Info>The virtual disk</Info>
    <Disk ovf:capacity="${diskSize}" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>The networks</Info>
    <Network ovf:name="NAT">
      <Description>The way out</Description>
    </Network>
  </NetworkSection>
  <VirtualSystem ovf:id="flotilla-node">
    <Info>A virtual machine</Info>
    <OperatingSystemSection ovf:id="96">
      <Info>The operating system</Info>
      <Description>Debian_64</Description>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>The machine's hardware</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>flotilla-node</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>virtualbox-2.2</vssd:VirtualSystemType>
      </System>
${hardware.map(item).join("")}    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
}

interface Item {
  readonly name: string;
  readonly InstanceID: number;
  /** CIM's number for what it is. */
  readonly ResourceType: number;
  readonly [property: string]: string | number;
}

const hardware: readonly Item[] = [
  { name: "1 virtual CPU", InstanceID: 1, ResourceType: 3, VirtualQuantity: 1 },
  {
    name: "1024 MB of memory",
    InstanceID: 2,
    ResourceType: 4,
    AllocationUnits: "MegaBytes",
    VirtualQuantity: 1024,
  },
  { name: "ideController0", InstanceID: 3, ResourceType: 5, ResourceSubType: "PIIX4", Address: 0 },
  {
    name: "disk1",
    InstanceID: 4,
    ResourceType: 17,
    HostResource: "/disk/vmdisk1",
    Parent: 3,
    AddressOnParent: 0,
  },
  {
    name: "Ethernet adapter on 'NAT'",
    InstanceID: 5,
    ResourceType: 10,
    AutomaticAllocation: "true",
    Connection: "NAT",
  },
];

/** OVF's schema has the elements in the order of their names. */
function item({ name, ...rest }: Item): string {
  const properties: Readonly<Record<string, string | number>> = { ...rest, Caption: name, ElementName: name };
  const lines = Object.keys(properties)
    .toSorted()
    .map((key) => `        <rasd:${key}>${properties[key]}</rasd:${key}>\n`);
  return `      <Item>\n${lines.join("")}      </Item>\n`;
}
